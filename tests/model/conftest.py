"""Small layers to compose, so that these tests need no plugin; what a test registers is forgotten after it."""

from collections.abc import Iterator
from types import SimpleNamespace

import pytest
import torch

import corekit as ck
from corekit.errors import ShapeError
from corekit.registry import registry


class Affine(ck.Layer):
    """inputs @ kernel + bias, then the activation."""

    def __init__(self, units, activation=None, **kwargs):
        super().__init__(**kwargs)
        self.units, self.activation = units, activation

    def build(self, input_shape):
        init = torch.nn.init.uniform_
        self.kernel = self.add_weight(name="kernel", shape=(input_shape[-1], self.units), initializer=init)
        self.bias = self.add_weight(name="bias", shape=(self.units,), initializer=init)

    def logits(self, inputs):
        return inputs @ self.kernel + self.bias

    def call(self, inputs):
        outputs = self.logits(inputs)
        return outputs if self.activation is None else self.activation(outputs)

    @property
    def link_activation(self):
        return self.activation


class Declared(Affine):
    """An Affine that says its shapes, and refuses input that is no matrix."""

    def compute_output_shape(self, input_shape):
        if len(input_shape) != 2:
            raise ShapeError(f"Declared expects (batch, features), got {input_shape}.")
        return (input_shape[0], self.units)


class Merge(ck.Layer):
    """The sum of a list of tensors."""

    def call(self, inputs):
        return sum(inputs[1:], inputs[0])


class Split(ck.Layer):
    """Two outputs."""

    def call(self, inputs):
        return [inputs * 2, inputs * 3]


class Drop(ck.Layer):
    """Zeros half of its inputs in training."""

    def call(self, inputs, training=False):
        return torch.nn.functional.dropout(inputs, 0.5, training)


class Eager(ck.Layer):
    """Needs real values: it goes through numpy."""

    def build(self, input_shape):
        self.gain = self.add_weight(name="gain", shape=(), initializer=torch.nn.init.uniform_)

    def call(self, inputs):
        return torch.from_numpy(inputs.detach().numpy()) * self.gain


@pytest.fixture
def parts() -> SimpleNamespace:
    """The classes above by name."""
    return SimpleNamespace(**{part.__name__: part for part in (Affine, Declared, Merge, Split, Drop, Eager)})


@pytest.fixture(autouse=True)
def own_program(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A program that has registered nothing yet."""
    monkeypatch.setattr(registry, "_local", [])
    registry._views.clear()
    yield
    registry._views.clear()
