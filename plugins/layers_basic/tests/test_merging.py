"""Add and Concatenate."""

import pytest
import torch

import corekit
from corekit.errors import ArgumentTypeError, ShapeError
from corekit.layers import Add, Concatenate


def test_add_leaves_its_inputs_alone():
    a, b = torch.ones(2), torch.ones(2)

    Add()([a, b])

    assert torch.equal(a, b)


def test_add_of_one_tensor_is_that_tensor():
    assert torch.equal(Add()([torch.ones(2, 3)]), torch.ones(2, 3))


def test_add_puts_missing_axes_after_the_batch():
    assert Add().compute_output_shape([(None, 5), (None, 4, 5)]) == (None, 4, 5)


def test_add_leaves_open_what_is_open_everywhere():
    assert Add().compute_output_shape([(None, None), (None, None)]) == (None, None)


def test_add_knows_a_size_that_one_knows():
    assert Add().compute_output_shape([(None, None), (None, 4)]) == (None, 4)


def test_add_of_unfit_shapes_names_them():
    with pytest.raises(ShapeError, match=r"Add cannot add \(batch, 3\) and \(batch, 4\): .* \[3, 4\] do not fit"):
        Add()([torch.ones(2, 3), torch.ones(2, 4)])


def test_add_of_unfit_symbols_names_them():
    with pytest.raises(ShapeError, match=r"Add cannot add \(batch, 3\) and \(batch, 4\)"):
        Add()([corekit.Input(shape=(3,)), corekit.Input(shape=(4,))])


def test_concatenate_adds_up_the_axis():
    assert Concatenate(axis=1).compute_output_shape([(None, 2, 5), (None, 3, 5)]) == (None, 5, 5)


def test_concatenate_of_an_open_axis_is_open():
    assert Concatenate().compute_output_shape([(None, None), (None, 3)]) == (None, None)


def test_concatenate_along_the_batch_works():
    assert Concatenate(axis=0)([torch.ones(2, 3), torch.ones(4, 3)]).shape == (6, 3)


@pytest.mark.parametrize("shapes", [[(2, 3, 5), (2, 4, 5)], [(2, 3, 5), (2, 5)]], ids=str)
def test_concatenate_of_unfit_shapes_names_them(shapes):
    with pytest.raises(ShapeError, match=r"Concatenate\(axis=-1\) cannot join \(batch, 3, 5\) and .*equal sizes"):
        Concatenate()([torch.ones(shape) for shape in shapes])


def test_concatenate_axis_that_is_not_there_is_told():
    with pytest.raises(ShapeError, match=r"Concatenate\(axis=2\) cannot take \(batch, 3\): its axes are 0, 1"):
        Concatenate(axis=2)([torch.ones(2, 3), torch.ones(2, 3)])


def test_concatenate_axis_must_be_a_whole_number():
    with pytest.raises(ArgumentTypeError, match=r"Concatenate\(axis='last'\): expected a whole number"):
        Concatenate(axis="last")


@pytest.mark.parametrize("layer", [Add, Concatenate])
def test_single_tensor_says_to_write_a_list(layer):
    with pytest.raises(
        ShapeError, match=rf"{layer.__name__} takes a list of tensors, got \(batch, 3\)\.\n.*\(\[a, b\]\)"
    ):
        layer()(torch.ones(2, 3))


@pytest.mark.parametrize("layer", [Add, Concatenate])
def test_empty_list_is_refused(layer):
    with pytest.raises(ShapeError, match="a list of at least one tensor, got none"):
        layer()([])
