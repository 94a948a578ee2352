"""The three models of the README on a CUDA device: `make test-gpu`."""

from typing import Any

import numpy as np
import pytest
import torch

import corekit as ck

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]

X = np.random.default_rng(0).random((320, 784), dtype="float32")
Y = ck.utils.to_categorical(np.random.default_rng(1).integers(0, 10, 320), 10)


class MyCustomLayer(ck.Layer):
    def __init__(self, units: int) -> None:
        super().__init__()
        self.units = units

    def build(self, input_shape: Any) -> None:
        self.kernel = self.add_weight(shape=(input_shape[-1], self.units), name="kernel")

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        return ck.activations.relu(torch.matmul(inputs, self.kernel))


def drawn() -> ck.Model:
    inputs = ck.Input(shape=(784,))
    hidden = ck.layers.Dense(64, activation="relu")(inputs)
    return ck.Model(inputs, ck.layers.Dense(10, activation="softmax")(ck.layers.Dropout(0.0)(hidden)))


MODELS = {
    "row": lambda: ck.Sequential(
        [ck.layers.Dense(128, activation="relu", input_shape=(784,)), ck.layers.Dense(10, activation="softmax")]
    ),
    "drawn": drawn,
    "custom": lambda: ck.Sequential(
        [ck.Input(shape=(784,)), MyCustomLayer(64), ck.layers.Dense(10, activation="softmax")]
    ),
}


def trained(kind: str, optimizer: str, device: str | None) -> tuple[ck.Model, list[float]]:
    ck.utils.set_random_seed(0)
    model = MODELS[kind]()
    model.compile(optimizer=optimizer, loss="categorical_crossentropy", metrics=["accuracy"], device=device)
    return model, model.fit(X, Y, epochs=3, shuffle=False, verbose=0).history["loss"]


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "AdamW", "rmsprop"])
@pytest.mark.parametrize("kind", MODELS)
def test_cuda_and_cpu_lose_alike(kind: str, optimizer: str) -> None:
    _, on_cuda = trained(kind, optimizer, None)
    _, on_cpu = trained(kind, optimizer, "cpu")

    assert on_cuda == pytest.approx(on_cpu, rel=2e-3)  # 30 steps; TF32 is off, sums are ordered otherwise


@pytest.mark.parametrize("kind", MODELS)
def test_everything_lives_on_the_device(kind: str) -> None:
    model, _ = trained(kind, "adam", None)

    states = [value for state in model.optimizer.state.values() for value in state.values()]
    metrics = [value for metric in model.metrics for value in metric.variables]
    assert {value.device.type for value in [*model.weights, *states, *metrics]} == {"cuda"}


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "AdamW", "rmsprop"])
@pytest.mark.parametrize("kind", MODELS)
def test_a_step_never_waits_for_the_device(kind: str, optimizer: str) -> None:
    model, _ = trained(kind, optimizer, None)
    batch = (torch.from_numpy(X[:32]).cuda(), torch.from_numpy(Y[:32]).float().cuda())
    model.train()

    torch.cuda.set_sync_debug_mode("error")
    try:
        model.trainer.step(batch)
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_predictions_come_back_as_numpy() -> None:
    model, _ = trained("row", "adam", None)

    assert isinstance(model.predict(X, verbose=0), np.ndarray)


def test_a_file_goes_from_cuda_to_cpu(tmp_path: Any) -> None:
    model, _ = trained("row", "adam", None)
    model.save(tmp_path / "m.safetensors")

    loaded = ck.load_model(tmp_path / "m.safetensors").to("cpu")

    assert np.allclose(loaded.predict(X, verbose=0), model.predict(X, verbose=0), atol=1e-5)
