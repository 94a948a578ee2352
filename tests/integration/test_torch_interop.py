"""Ours works in theirs, and theirs in ours."""

import copy
import shutil
from typing import Any

import numpy as np
import pytest
import torch
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
