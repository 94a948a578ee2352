"""Symbolic tensors: drawing, operators, what they refuse. Running drawn models: test_graph_run.py."""

import operator

import numpy as np
import pytest
import torch
from torch import nn

import corekit as ck
from corekit.errors import ArgumentError, ArgumentTypeError, LayerError


@pytest.fixture
def x():
    """A symbolic input of three features."""
    return ck.Input(shape=(3,), name="pixels")


# Inputs


def test_input_has_an_open_batch(x):
    assert (x.shape, x.dtype, x.ndim, x.name) == ((None, 3), torch.float32, 2, "pixels")


def test_input_reads_well(x):
    assert repr(x) == "<symbolic pixels (batch, 3) float32>"


def test_input_batch_may_be_fixed():
    assert ck.Input(shape=(3,), batch_size=8).shape == (8, 3)


def test_input_dtype_may_be_given():
    assert ck.Input(shape=(3,), dtype="int64").dtype == torch.int64


def test_input_of_one_size_needs_no_tuple():
    assert ck.Input(shape=3).shape == (None, 3)


def test_input_without_axes_is_a_column_of_numbers():
    assert ck.Input(shape=()).shape == (None,)


def test_layers_has_input_too():
    assert ck.layers.Input is ck.Input


@pytest.mark.parametrize("shape", [None, (2.5,), ("a",), (-1,)])
def test_input_refuses_what_is_no_shape(shape):
    with pytest.raises(ArgumentError, match="without the batch") as raised:
        ck.Input(shape=shape)

    assert "Input(shape=(784,))" in str(raised.value)


# Operators

OPERATIONS = {
    "add": lambda x: x + 2,
    "radd": lambda x: 2 + x,
    "sub": lambda x: x - 2,
    "rsub": lambda x: 2 - x,
    "mul": lambda x: x * 2,
    "truediv": lambda x: x / 2,
    "rtruediv": lambda x: 2 / x,
    "pow": lambda x: x**2,
    "rpow": lambda x: 2**x,
    "floordiv": lambda x: x // 2,
    "mod": lambda x: x % 2,
    "neg": lambda x: -x,
    "abs": lambda x: abs(x),
    "less": lambda x: x < 2,
    "less or equal": lambda x: x <= 2,
    "greater": lambda x: x > 2,
    "greater or equal": lambda x: x >= 2,
    "matmul": lambda x: x @ torch.ones(3, 2),
    "column": lambda x: x[:, 0],
    "columns": lambda x: x[:, 1:],
    "new axis": lambda x: x[:, None],
    "ellipsis": lambda x: x[..., -1],
    "tensor on the right": lambda x: x + torch.arange(3.0),
    "tensor on the left": lambda x: torch.arange(3.0) - x,
    "tensor divided": lambda x: torch.arange(3.0) / x,
    "matrix on the left": lambda x: torch.ones(3, 3) @ x[:, :, None],
    "two symbols": lambda x: x * (x + 1),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_operator_is_recorded(x, name):
    function = OPERATIONS[name]
    model = ck.Model(x, function(x))
    values = torch.tensor([[1.0, 2.0, 3.0], [-4.0, 5.0, 0.5]])

    result = model(values)

    assert torch.equal(result, function(values))


@pytest.mark.parametrize("name", OPERATIONS)
def test_operators_shape_is_inferred(x, name):
    symbolic = OPERATIONS[name](x)

    result = ck.Model(x, symbolic)(torch.ones(5, 3))

    assert symbolic.shape == (None, *result.shape[1:])
    assert symbolic.dtype == result.dtype


@pytest.mark.parametrize("function", [lambda x: x * np.arange(3.0), lambda x: np.arange(3.0) * x])
def test_numpy_constant_becomes_floatx(x, function):
    result = ck.Model(x, function(x))(torch.full((1, 3), 2.0))

    assert (result.tolist(), result.dtype) == ([[0.0, 2.0, 4.0]], torch.float32)


def test_impossible_operator_names_the_shapes(x):
    with pytest.raises(LayerError, match=r"matmul cannot take an input of shape \(batch, 3\)"):
        _ = x @ torch.ones(4, 2)


# What needs values


def test_python_branch_is_explained(x):
    with pytest.raises(ArgumentTypeError, match=r"neither true nor false.*Put the branch into a layer's call"):
        bool(x > 0)


def test_iteration_is_explained(x):
    with pytest.raises(ArgumentTypeError, match=r"cannot be iterated: it has no values yet. Index it"):
        list(x)


@pytest.mark.parametrize("function", [np.asarray, np.exp, np.sum])
def test_numpy_is_explained(x, function):
    with pytest.raises(ArgumentTypeError, match=r"numpy cannot take it. Put the code into a layer's call"):
        function(x)


@pytest.mark.parametrize("function", [torch.relu, torch.nn.functional.softplus, nn.Linear(3, 2), nn.ReLU()])
def test_torch_shows_the_layer_to_write(x, function):
    with pytest.raises(LayerError, match="got a symbolic tensor") as raised:
        function(x)

    assert "corekit.layer(module)(x)" in str(raised.value)
    assert "corekit.layer(lambda x: " in str(raised.value)


@pytest.mark.parametrize(
    ("function", "written"), [(torch.relu, "torch.relu"), (torch.nn.functional.gelu, "torch.nn.functional.gelu")]
)
def test_torch_function_is_named_where_it_lives(x, function, written):
    with pytest.raises(LayerError) as raised:
        function(x)

    assert f"corekit.layer(lambda x: {written}(x))(x)" in str(raised.value)


def test_torch_function_of_a_list_is_explained(x):
    with pytest.raises(LayerError, match="torch's cat got a symbolic tensor"):
        torch.cat([x, x])


def test_tensor_method_shows_the_layer_to_write(x):
    with pytest.raises(AttributeError, match="it has no values yet") as raised:
        x.reshape(3, 1)

    assert "corekit.layer(lambda x: x.reshape(...))(x)" in str(raised.value)


def test_strange_attribute_gets_no_advice(x):
    with pytest.raises(AttributeError, match="no attribute 'colour'") as raised:
        _ = x.colour

    assert "lambda" not in str(raised.value)


def test_call_that_gives_no_tensor_is_told(x):
    class Words(ck.Layer):
        def call(self, inputs):
            return "word"

    with pytest.raises(LayerError, match="a call returned str where tensors were expected"):
        Words()(x)


# Tracing


def test_missing_input_shows_the_line(x):
    other = ck.Input(shape=(3,), name="depth")

    with pytest.raises(ArgumentError, match=r"depends on <symbolic depth") as raised:
        ck.Model(x, x + other)

    assert "Model(inputs=[..., depth], outputs=...)" in str(raised.value)


@pytest.mark.parametrize("role", ["inputs", "outputs"])
def test_real_tensor_is_refused(x, role):
    given = {"inputs": x, "outputs": x * 2, role: torch.ones(2, 3)}

    with pytest.raises(ArgumentTypeError, match=rf"Model\({role}=...\): got Tensor, expected symbolic") as raised:
        ck.Model(**given)

    assert "corekit.Input(shape=...)" in str(raised.value)


def test_inputs_without_outputs_are_refused(x):
    with pytest.raises(ArgumentError, match="give both, or neither"):
        ck.Model(inputs=x)


def test_calls_that_lead_elsewhere_are_left_out(x, parts):
    side = parts.Affine(2)
    side(x)

    model = ck.Model(x, parts.Affine(1)(x))

    assert side not in model.layers


def test_branches_are_run_in_order(x):
    left, right = x + 1, x * 2

    graph = ck.Model(x, right - left).graph

    assert [step.operation for step in graph.steps] == [operator.add, operator.mul, operator.sub]
