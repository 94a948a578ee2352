"""Ours works in theirs, and theirs in ours."""

import copy
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch._dynamo.testing
from torch import nn

import corekit as ck

X = torch.linspace(-1, 1, 48).reshape(12, 4)
Y = X.sum(1, keepdim=True)


def built(*layers: Any) -> ck.Sequential:
    torch.manual_seed(0)
    return ck.Sequential(
        [ck.Input(shape=(4,)), *(layers or (ck.layers.Dense(8, activation="relu"), "LayerNormalization"))]
    )


@pytest.mark.parametrize("module", [nn.Linear(4, 2), nn.Sequential(nn.Linear(4, 3), nn.ReLU()), nn.LazyLinear(2)])
def test_any_module_stands_in_a_row(module: nn.Module) -> None:
    model = ck.Sequential([ck.layers.Dense(4), module, ck.layers.Dense(1)])
    model.compile(optimizer="sgd", loss="mse")

    before = copy.deepcopy(list(module.parameters())) if not isinstance(module, nn.LazyLinear) else None
    model.fit(X, Y, verbose=0)

    assert model.predict(X, verbose=0).shape == (12, 1)
    if before is not None:
        assert not torch.equal(before[0], next(module.parameters()))


def test_any_module_is_drawn_through_layer() -> None:
    inputs = ck.Input(shape=(4,))
    model = ck.Model(inputs, ck.layer(nn.Linear(4, 2))(inputs))

    assert model(X).shape == (12, 2)
    assert len(model.trainable_weights) == 2


def test_a_bare_module_on_a_symbolic_tensor_is_taught() -> None:
    with pytest.raises(ck.CorekitError, match=r"corekit\.layer\(module\)\(x\)"):
        nn.Linear(4, 2)(ck.Input(shape=(4,)))


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "NAdam", "LBFGS"][:6])
def test_torch_optimizer_classes_train(name: str) -> None:
    model = built(ck.layers.Dense(1))
    model.compile(optimizer=getattr(torch.optim, name), loss="mse")

    losses = model.fit(X, Y, epochs=10, verbose=0).history["loss"]

    assert losses[-1] < losses[0]


def test_a_torch_optimizer_instance_trains_as_in_torch() -> None:
    ours = built(ck.layers.Dense(1))
    theirs = nn.Linear(4, 1)
    with torch.no_grad():
        theirs.weight.copy_(ours.weights[0].T)
        theirs.bias.copy_(ours.weights[1])
    optimizer = torch.optim.Adam(theirs.parameters(), lr=0.01)
    ours.compile(optimizer=torch.optim.Adam(ours.parameters(), lr=0.01), loss=nn.MSELoss())

    ours.fit(X, Y, batch_size=4, epochs=3, shuffle=False, verbose=0)
    for _ in range(3):
        for start in range(0, 12, 4):
            optimizer.zero_grad()
            nn.functional.mse_loss(theirs(X[start : start + 4]), Y[start : start + 4]).backward()
            optimizer.step()

    assert torch.allclose(ours.weights[0], theirs.weight.T, atol=1e-6)


def test_our_layers_train_in_a_plain_loop() -> None:
    model = nn.Sequential(ck.layers.Dense(8, activation="relu"), nn.Linear(8, 1))
    model(X)  # builds
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    losses = []
    model.train()
    for _ in range(20):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(X), Y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())

    assert losses[-1] < losses[0] / 2


@pytest.mark.parametrize(
    "backend",
    [
        "aot_eager",
        pytest.param(
            "inductor",
            marks=[
                pytest.mark.slow,
                pytest.mark.filterwarnings(
                    "ignore:.*torch.jit.script_method:DeprecationWarning"
                ),  # Inductor's own import
                pytest.mark.skipif(shutil.which("g++") is None, reason="Inductor needs a C++ compiler"),
            ],
        ),
    ],
)
def test_built_models_compile_without_breaks(backend: str) -> None:
    model = built()
    compiled = torch.compile(model, fullgraph=True, backend=backend)

    assert torch.allclose(compiled(X), model(X), atol=1e-6)


def test_copies_have_weights_of_their_own() -> None:
    model = built()
    twin = copy.deepcopy(model)

    with torch.no_grad():
        twin.weights[0].add_(1)

    assert not torch.equal(model.weights[0], twin.weights[0])
    assert torch.equal(copy.deepcopy(model)(X), model(X))


def test_state_dict_goes_from_model_to_model() -> None:
    first, second = built(), built(ck.layers.Dense(8, activation="relu"), "LayerNormalization")
    with torch.no_grad():
        first.weights[0].mul_(3)

    second.load_state_dict(first.state_dict())

    assert torch.equal(first(X), second(X))


def test_export_keeps_the_batch_open() -> None:
    model = built()
    program = torch.export.export(model, (X,), dynamic_shapes=({0: torch.export.Dim("batch")},))

    assert torch.allclose(program.module()(X[:5]), model(X[:5]), atol=1e-6)


def test_drawn_models_compile_and_export() -> None:
    inputs = ck.Input(shape=(4,))
    hidden = ck.layers.Dense(8, activation="relu")(inputs)
    model = ck.Model(inputs, ck.layers.Dense(2)(ck.layers.Add()([hidden, hidden * 2])))
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    program = torch.export.export(model, (X,), dynamic_shapes=({0: torch.export.Dim("batch")},))

    assert torch.allclose(compiled(X), model(X), atol=1e-6)
    assert torch.allclose(program.module()(X[:3]), model(X[:3]), atol=1e-6)


def test_numpy_goes_in_directly() -> None:
    model = built()

    assert torch.equal(model(X.numpy().astype(np.float64)), model(X))


def given_as(form: str) -> tuple[ck.Model, Any]:
    """Return a model of two inputs and two outputs in lists or dicts, and its inputs."""
    a, b = ck.Input(shape=(4,), name="a"), ck.Input(shape=(4,), name="b")
    total, head = a + b, ck.layers.Dense(3)(a)
    if form == "list":
        return ck.Model([a, b], [total, head]), [X, -X]
    return ck.Model({"a": a, "b": b}, {"total": total, "head": head}), {"a": X, "b": -X}


@pytest.mark.parametrize("form", ["list", "dict"])
def test_models_of_several_inputs_compile_without_breaks(form: str) -> None:
    model, inputs = given_as(form)
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")

    values, expected = compiled(inputs), model(inputs)

    keys = range(2) if form == "list" else ("total", "head")
    assert all(torch.allclose(values[key], expected[key]) for key in keys)


def test_models_of_several_inputs_export() -> None:
    model, inputs = given_as("dict")
    batch = torch.export.Dim("batch")
    program = torch.export.export(model, (inputs,), dynamic_shapes=({"a": {0: batch}, "b": {0: batch}},))

    found = program.module()({name: value[:5] for name, value in inputs.items()})

    assert torch.allclose(found["head"], model(inputs)["head"][:5])


def test_keyword_and_training_calls_compile_without_breaks() -> None:
    model = built(ck.layers.Dense(64), ck.layers.Dropout(0.5))
    compiled = torch.compile(lambda x: model(inputs=x, training=True), fullgraph=True, backend="aot_eager")

    assert (compiled(X) == 0).any()
    assert not model.training


def test_compiled_training_equals_eager_training() -> None:
    eager = built(ck.layers.Dense(8, activation="relu"), ck.layers.BatchNormalization(), ck.layers.Dense(1))
    other = copy.deepcopy(eager)
    compiled = torch.compile(other, fullgraph=True, backend="aot_eager")
    for model, call in ((eager, eager), (other, compiled)):
        model.train()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(5):
            optimizer.zero_grad()
            nn.functional.mse_loss(call(X), Y).backward()
            optimizer.step()

    # the same kernels run in another order, so the last bits may differ
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(eager.weights, other.weights, strict=True))


def test_compiling_does_not_follow_the_batch_size() -> None:
    counter = torch._dynamo.testing.CompileCounter()
    compiled = torch.compile(built(), fullgraph=True, backend=counter)

    for count in (2, 3, 4, 5, 6):
        compiled(X[:count])

    assert counter.frame_count <= 2  # one for the first size, one for any size


def test_compiling_an_unbuilt_layer_says_what_to_do() -> None:
    torch._dynamo.reset()  # it keeps a short list of graphs for all layers' one __call__
    compiled = torch.compile(ck.layers.Dense(2), fullgraph=True, backend="aot_eager")

    with pytest.raises(torch._dynamo.exc.Unsupported, match=r"Dense is not built yet: call it once before"):
        compiled(X)


@pytest.mark.filterwarnings("ignore:Dynamo does not know how to trace")  # told by torch about what it skips
def test_unbuilt_layers_compile_in_parts() -> None:
    layer = ck.layers.Dense(2)

    result = torch.compile(layer, backend="aot_eager")(X)

    assert torch.allclose(result, layer(X))


def test_penalties_train_in_a_plain_loop() -> None:
    model = built(ck.layers.Dense(1, kernel_regularizer="l2", activity_regularizer="l2"))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    losses = []
    for _ in range(3):
        optimizer.zero_grad()
        model.clear_losses()
        loss = nn.functional.mse_loss(model(X), Y) + sum(model.losses)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())

    assert losses[-1] < losses[0]


def test_gradients_equal_those_of_torch() -> None:
    ours = built(ck.layers.Dense(8, activation="tanh"), ck.layers.Dense(1))
    theirs = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
    with torch.no_grad():
        for mine, other in zip(ours.weights, theirs.parameters(), strict=True):
            other.copy_(mine.t())

    ours(X).square().sum().backward()
    theirs(X).square().sum().backward()

    # float32, sums of 12 products: a few units in the last place of values up to 10
    for mine, other in zip(ours.weights, theirs.parameters(), strict=True):
        assert torch.allclose(mine.grad, other.grad.t(), atol=1e-4)


def test_functional_call_takes_our_parameters() -> None:
    model = built()
    values = {name: torch.zeros_like(value) for name, value in model.named_parameters()}

    assert torch.equal(torch.func.functional_call(model, values, (X,)), torch.zeros(12, 8))


def test_torch_saves_and_loads_our_models(tmp_path: Path) -> None:
    model = built()
    torch.save(model, tmp_path / "whole.pt")
    torch.save(model.state_dict(), tmp_path / "weights.pt")

    whole = torch.load(tmp_path / "whole.pt", weights_only=False)
    twin = built()
    twin.load_state_dict(torch.load(tmp_path / "weights.pt"))

    assert torch.equal(whole(X), model(X))
    assert torch.equal(twin(X), model(X))


def test_autocast_reaches_our_layers() -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert built(ck.layers.Dense(2))(X).dtype == torch.bfloat16


def test_weights_made_without_gradients_train() -> None:
    model = ck.Sequential([ck.layers.Dense(3), ck.layers.Dense(2)])
    with torch.inference_mode():
        model(X)

    model(X).sum().backward()

    assert all(weight.grad is not None for weight in model.weights)


def test_parametrizations_of_torch_apply() -> None:
    layer = ck.layers.Dense(2)
    layer(X)
    before = layer(X)

    nn.utils.parametrizations.weight_norm(layer, "kernel")

    assert torch.allclose(layer(X), before, atol=1e-6)
    assert "parametrizations.kernel.original0" in layer.state_dict()
