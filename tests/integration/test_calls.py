"""`model(x)` skips what a plain call does not need, and nothing that a call with hooks or other inputs does."""

import gc
import resource
import sys
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.modules import module as torch_module
from torch.nn.utils import parametrizations, prune

import corekit as ck

X = torch.linspace(-1, 1, 12).reshape(3, 4)


def row() -> Any:
    return ck.Sequential([ck.Input((4,)), ck.layers.Dense(5, activation="relu"), ck.layers.Dense(2)])


def drawn() -> Any:
    inputs = ck.Input((4,))
    return ck.Model(inputs, ck.layers.Dense(2)(ck.layers.Dense(5, activation="relu")(inputs)))


def joined() -> Any:
    inputs = ck.Input((4,))
    hidden = ck.layers.Dense(4, activation="relu")(inputs)
    return ck.Model(inputs, ck.layers.Dense(2)(ck.layers.Add()([inputs, hidden])))


class Subclassed(ck.Model):
    def __init__(self) -> None:
        super().__init__()
        self.hidden, self.out = ck.layers.Dense(5, activation="relu"), ck.layers.Dense(2)

    def call(self, inputs: Tensor) -> Any:
        return self.out(self.hidden(inputs))


FORMS = [row, drawn, joined, Subclassed]


# Hooks: each kind that torch knows, on a layer and on all


def note(seen: list[str]) -> Callable[..., None]:
    return lambda module, *_: seen.append(type(module).__name__)


@pytest.mark.parametrize("kind", ["forward_hook", "forward_pre_hook", "full_backward_hook", "full_backward_pre_hook"])
@pytest.mark.parametrize("form", FORMS)
def test_hook_of_a_layer_runs(form: Callable[[], Any], kind: str) -> None:
    model, seen = form(), []
    model(X)
    layer = model.layers[-1]

    handle = getattr(layer, f"register_{kind}")(note(seen))
    model(X.clone().requires_grad_()).sum().backward()
    handle.remove()
    model(X.clone().requires_grad_()).sum().backward()

    assert seen == ["Dense"]


@pytest.mark.parametrize("kind", ["forward_hook", "forward_pre_hook", "full_backward_hook", "full_backward_pre_hook"])
def test_hook_on_all_modules_runs(kind: str) -> None:
    model, seen = row(), []
    model(X)

    handle = getattr(torch_module, f"register_module_{kind}")(note(seen))
    model(X.clone().requires_grad_()).sum().backward()
    handle.remove()
    model(X)

    assert sorted(seen) == ["Dense", "Dense", "Sequential"]


def test_module_compile_is_respected() -> None:
    layer = ck.layers.Dense(2)
    layer(X)
    graphs: list[Any] = []

    layer.compile(backend=lambda graph, _: graphs.append(graph) or graph.forward)
    result = layer(X)

    assert len(graphs) == 1
    assert torch.allclose(result, layer.forward(X))


def test_forward_of_one_object_may_be_replaced() -> None:
    model = row()

    model.layers[-1].forward = lambda inputs: inputs * 0

    assert model(X).abs().max().item() == 0


# Weights that are no longer where `build` put them


def test_parametrized_weights_are_used() -> None:
    layer = ck.layers.Dense(2)
    layer(X)
    before = layer(X)

    parametrizations.weight_norm(layer, "kernel")
    with torch.no_grad():
        layer.parametrizations.kernel.original0 *= 2

    assert torch.allclose(layer(X), 2 * before, atol=1e-6)


def test_pruned_weights_are_used() -> None:
    layer = ck.layers.Dense(2, bias_initializer="ones")
    layer(X)

    prune.l1_unstructured(layer, "kernel", amount=8)
    prune.l1_unstructured(layer, "bias", amount=2)

    assert layer(X).abs().max().item() == 0


def test_functional_call_takes_other_weights() -> None:
    model = row()
    zeros = {name: torch.zeros_like(weight) for name, weight in model.named_parameters()}

    assert torch.func.functional_call(model, zeros, X).abs().max().item() == 0


# Arguments


def test_list_and_keyword_take_the_short_way() -> None:
    class Both(ck.Layer):
        def call(self, a: Tensor, b: Any = None, training: bool = False) -> Any:
            return a + (0 if b is None else b[0]) + (10 if training else 0)

    layer = Both()

    for _ in range(2):  # the first call builds
        assert layer(X, b=[X]).equal(X + X)
        assert layer(X, [X], training=True).equal(X + X + 10)
        assert layer(X, training=None).equal(X)


def test_training_argument_leaves_equal_flags_alone() -> None:
    class Frozen(ck.Model):
        def __init__(self) -> None:
            super().__init__()
            self.inner, self.asked = ck.layers.Dropout(0.5), 0

        def train(self, mode: bool = True) -> Any:
            self.asked += 1
            return super().train(mode)

        def call(self, inputs: Tensor) -> Any:
            return self.inner(inputs)

    model = Frozen()
    model(X)
    model.asked = 0

    assert model(X, training=False).equal(X)
    assert model.asked == 0
    assert (model(X, training=True) == 0).any()
    assert model.asked == 1
    assert not model.training
    assert not model.inner.training


# Leaks


def resident_kilobytes() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // 1024 if sys.platform == "darwin" else peak


@pytest.mark.parametrize("form", FORMS)
def test_ten_thousand_calls_leave_nothing(form: Callable[[], Any]) -> None:
    model = form()
    for _ in range(100):
        model(X)
    gc.collect()
    objects, peak = len(gc.get_objects()), resident_kilobytes()

    for _ in range(10_000):
        model(X)

    gc.collect()
    assert len(gc.get_objects()) - objects < 100  # pytest and the collector itself make a few
    assert resident_kilobytes() - peak < 4096
