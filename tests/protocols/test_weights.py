"""Shapes, names and first values of weights."""

import functools

import numpy as np
import pytest
import torch

import corekit as ck
from corekit.errors import ArgumentError, ArgumentTypeError
from corekit.protocols.weights import free_name_for, initial_value, weight_shape


@pytest.mark.parametrize(
    ("given", "expected"),
    [((3, 4), (3, 4)), ([3, 4], (3, 4)), (5, (5,)), (None, ()), ((), ()), (torch.Size([2]), (2,)), ((0,), (0,))],
)
def test_shape_is_whole_numbers(given, expected):
    assert weight_shape("Mine", (), given, "kernel") == expected


def test_numpy_sizes_become_plain_ones():
    shape = weight_shape("Mine", (), (np.int64(3),), "kernel")

    assert type(shape[0]) is int


def test_shape_may_be_positional():
    assert weight_shape("Mine", ((3, 4),), None, "kernel") == (3, 4)


def test_positional_name_shows_the_line_to_write():
    with pytest.raises(ArgumentTypeError, match="Mine: add_weight takes keywords, got 'kernel'") as raised:
        weight_shape("Mine", ("kernel", (3, 4)), None, None)

    assert 'self.add_weight(name="kernel", shape=(...)' in str(raised.value)


@pytest.mark.parametrize("shape", [(None, 3), (3, -1), (2.5,), "ab", 3.5])
def test_impossible_size_is_told(shape):
    with pytest.raises(ArgumentTypeError, match='the weight "kernel" cannot have shape') as raised:
        weight_shape("Mine", (), shape, "kernel")

    assert "None marks an open axis, such as the batch" in str(raised.value)


def test_initializer_may_be_a_function():
    value = initial_value("Dense", "kernel", lambda shape, dtype: torch.full(shape, 3.0), (2,), torch.float64)

    assert (value.tolist(), value.dtype) == ([3.0, 3.0], torch.float64)


def test_initializer_may_return_numpy():
    value = initial_value("Dense", "kernel", lambda shape, dtype: np.ones(shape), (2,), torch.float32)

    assert (value.tolist(), value.dtype) == ([1.0, 1.0], torch.float32)


def test_initializer_may_be_torchs_fill():
    assert initial_value("Dense", "kernel", torch.nn.init.ones_, (2,), torch.float16).tolist() == [1.0, 1.0]


def test_initializer_may_be_torchs_fill_with_arguments():
    fill = functools.partial(torch.nn.init.constant_, val=4.0)

    assert initial_value("Dense", "kernel", fill, (2,), torch.float32).tolist() == [4.0, 4.0]


@pytest.mark.parametrize("name", ["kernel", "forward", "dtype", "activation", "", "a.b"])
def test_taken_name_is_refused(name):
    layer = ck.Layer()
    layer.kernel = torch.nn.Parameter(torch.ones(1))
    layer.activation = "relu"

    with pytest.raises(ArgumentError, match=rf'Layer.add_weight\(name="{name}"\).*\n  Choose another name'):
        free_name_for(layer, name)


def test_attribute_that_is_none_makes_way():
    layer = ck.Layer()
    layer.bias = None

    free_name_for(layer, "bias")

    assert "bias" not in vars(layer)


@pytest.mark.parametrize("base", [ck.Initializer, ck.Regularizer, ck.Constraint])
def test_part_without_call_is_refused(base):
    class Empty(base):
        pass

    with pytest.raises(TypeError, match="__call__"):
        Empty()
