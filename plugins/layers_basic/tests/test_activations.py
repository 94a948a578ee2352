"""Numbers are in test_keras_numbers.py."""

import pytest
import torch

import corekit
from corekit import activations
from corekit.registry import registry

NAMES = [c.name for c in registry.components("activations") if c.distribution == "corekit-layers-basic"]


@pytest.mark.parametrize("name", NAMES)
def test_activation_keeps_shape_and_dtype(name):
    for dtype in (torch.float64, torch.float32, torch.bfloat16, torch.float16):
        y = activations.get(name)(torch.linspace(-3, 3, 6, dtype=dtype).reshape(2, 3))

        assert (y.shape, y.dtype) == ((2, 3), dtype)


@pytest.mark.parametrize("name", NAMES)
def test_activation_runs_on_meta(name):
    assert activations.get(name)(torch.empty(2, 3, device="meta")).shape == (2, 3)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "exponential"])
def test_activation_has_finite_gradients_everywhere(name):
    x = torch.tensor([[-1e6, -100.0, -1.0, 0.0, 1.0, 100.0, 1e6]], requires_grad=True)

    activations.get(name)(x).sum().backward()

    assert torch.isfinite(x.grad).all()


def test_activations_compile_without_a_break():
    functions = [activations.get(name) for name in NAMES]
    torch._dynamo.reset()
    x = torch.linspace(-3, 3, 6).reshape(2, 3)

    def all_of_them(x):
        return [function(x) for function in functions] + [activations.relu(x, 0.1, 2.0, 0.5)]

    compiled = torch.compile(all_of_them, fullgraph=True, backend="aot_eager")

    torch.testing.assert_close(compiled(x), all_of_them(x))


def test_only_softmax_and_sigmoid_have_a_link():
    links = {name: activations.get(name).link for name in NAMES if hasattr(activations.get(name), "link")}

    assert links == {"softmax": "softmax", "sigmoid": "sigmoid"}


@pytest.mark.parametrize(("alias", "name"), [("swish", "silu"), ("hard_swish", "hard_silu"), ("ReLU", "relu")])
def test_alias_is_the_activation(alias, name):
    assert activations.get(alias) is getattr(activations, name)


def test_no_activation_is_none():
    assert activations.get(None) is None


def test_softmax_sums_to_one_along_its_axis():
    y = corekit.activations.softmax(torch.randn(3, 4), axis=0)

    torch.testing.assert_close(y.sum(0), torch.ones(4))
