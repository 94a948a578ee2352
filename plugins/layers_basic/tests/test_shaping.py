"""Flatten, Reshape, Rescaling and Identity."""

import pytest
import torch

from corekit.errors import ArgumentError, ArgumentTypeError, ShapeError
from corekit.layers import Flatten, Identity, Rescaling, Reshape

# Flatten


def test_flatten_runs_channels_fastest():
    x = torch.arange(12.0).reshape(1, 2, 2, 3)

    assert torch.equal(Flatten()(x), torch.arange(12.0)[None])


def test_flatten_brings_channels_first_to_the_same_order():
    x = torch.randn(2, 4, 5, 3)

    assert torch.equal(Flatten(data_format="channels_first")(x.movedim(-1, 1)), Flatten()(x))


def test_flatten_makes_no_copy():
    x = torch.randn(2, 4, 5, 3)

    assert Flatten()(x).data_ptr() == x.data_ptr()


def test_flatten_of_an_open_size_is_open():
    assert Flatten().compute_output_shape((None, 3, None)) == (None, None)


def test_flatten_refuses_other_data_formats():
    with pytest.raises(ArgumentError, match=r"Flatten\(data_format='NHWC'\): expected \"channels_last\""):
        Flatten(data_format="NHWC")


def test_flatten_refuses_a_single_number():
    with pytest.raises(ShapeError, match=r"Flatten expects \(batch, \.\.\.\)"):
        Flatten().compute_output_shape(())


# Reshape


def test_reshape_keeps_the_order():
    assert torch.equal(Reshape((3, 2))(torch.arange(6.0)[None]), torch.arange(6.0).reshape(1, 3, 2))


def test_reshape_works_out_what_is_left_over():
    assert Reshape((2, -1)).compute_output_shape((None, 3, 4)) == (None, 2, 6)


def test_reshape_leaves_open_what_it_cannot_know():
    assert Reshape((2, -1)).compute_output_shape((None, None, 4)) == (None, 2, None)


def test_reshape_takes_an_empty_sample():
    assert Reshape((-1, 5))(torch.ones(2, 0)).shape == (2, 0, 5)


def test_reshape_to_another_total_names_both():
    with pytest.raises(ShapeError, match=r"Reshape\(\(3, 5\)\) cannot take \(2, 12\): 12 numbers.* do not fill 15\."):
        Reshape((3, 5))(torch.ones(2, 12))


def test_reshape_that_leaves_a_rest_names_both():
    with pytest.raises(ShapeError, match=r"12 numbers in a sample do not fill 5 times a whole number"):
        Reshape((-1, 5))(torch.ones(2, 12))


@pytest.mark.parametrize("shape", [784, "28", (-2, 3), (2.5,), (None, 3)], ids=repr)
def test_reshape_needs_sizes(shape):
    with pytest.raises(ArgumentError, match=r"expected sizes without the batch, for example Reshape\(\(28, 28, 1\)\)"):
        Reshape(shape)


def test_reshape_has_one_open_size_at_most():
    with pytest.raises(ArgumentError, match="only one size may be -1"):
        Reshape((-1, 3, -1))


# Rescaling and Identity


def test_rescaling_brings_bytes_to_floats():
    output = Rescaling(1 / 127.5, offset=-1)(torch.tensor([0, 255], dtype=torch.uint8))

    torch.testing.assert_close(output, torch.tensor([-1.0, 1.0]))


def test_rescaling_is_not_in_the_state():
    layer = Rescaling([1.0, 2.0])

    assert layer.state_dict() == {}


def test_scale_per_channel_moves_with_the_layer():
    layer = Rescaling([1.0, 2.0]).to(torch.float64)

    assert layer.scale.dtype == torch.float64


@pytest.mark.parametrize("scale", ["big", None], ids=repr)
def test_scale_must_be_numbers(scale):
    with pytest.raises(ArgumentTypeError, match=r"Rescaling\(scale=.*\): expected a number or one per channel"):
        Rescaling(scale)


def test_identity_returns_structures_as_they_are():
    inputs = {"a": torch.ones(2), "b": [torch.zeros(3)]}

    assert Identity().call(inputs) is inputs
