"""A small model of the core alone, saved."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import corekit as ck
from corekit.registry import registry


class Scale(ck.Layer):
    """y = x * scale + offset, with a counter that no optimizer touches."""

    def __init__(self, start: float = 2.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.start = start

    def build(self, input_shape: Any) -> None:
        self.scale = self.add_weight(
            name="scale",
            shape=(input_shape[-1],),
            initializer=lambda shape, dtype: torch.full(shape, self.start, dtype=dtype),
        )
        self.offset = self.add_weight(name="offset", shape=(), initializer=torch.nn.init.zeros_)
        self.calls = self.add_weight(
            name="calls",
            shape=(),
            dtype="int64",
            trainable=False,
            initializer=lambda s, dtype: torch.zeros(s, dtype=dtype),
        )

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        return inputs * self.scale + self.offset


@pytest.fixture
def scale_class() -> type[Scale]:
    """The layer's class, registered as `local:Scale`."""
    return ck.register(Scale)


@pytest.fixture
def model(scale_class: type[Scale]) -> ck.Sequential:
    """A built model of two layers."""
    torch.manual_seed(0)
    made = ck.Sequential([ck.Input(shape=(3,)), scale_class(start=1.5), scale_class(start=-2.0)])
    with torch.no_grad():
        for weight in made.trainable_weights:
            weight.add_(torch.randn_like(weight))
    return made


@pytest.fixture
def saved(model: ck.Sequential, tmp_path: Path) -> Path:
    """The model's file."""
    path = tmp_path / "model.safetensors"
    model.save(path)
    return path


@pytest.fixture(autouse=True)
def own_program(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A program that has registered nothing yet."""
    monkeypatch.setattr(registry, "_local", [])
    registry._views.clear()
    yield
    registry._views.clear()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a test saves a model."""
    return tmp_path / "m.safetensors"
