"""The cases of the comparison with Keras: calls that read the same in both libraries; each layer needs one."""

from typing import Any

import numpy as np
import pytest
import torch

import corekit

# name -> [(arguments of the layer, shape of each input, further arguments of the call)]
LAYERS: dict[str, list[tuple[Any, ...]]] = {
    "Conv1D": [
        ("4, 3", [(2, 9, 3)]),
        ("4, 3, activation='relu', padding='causal', dilation_rate=2", [(2, 9, 3)]),
        ("4, 2, strides=2, padding='same', use_bias=False", [(2, 9, 3)]),
        ("6, 5, padding='same', groups=3", [(2, 9, 3)]),
    ],
    "Conv2D": [
        ("4, 3", [(2, 9, 8, 3)]),
        ("4, 3, activation='relu', padding='same'", [(2, 9, 8, 1)]),
        ("4, (3, 2), strides=2, padding='same', kernel_regularizer='l2'", [(2, 9, 8, 3)]),
        ("4, 3, strides=(2, 1), padding='same'", [(2, 8, 8, 3)]),
        ("4, 2, padding='same', dilation_rate=(2, 1), use_bias=False", [(2, 9, 8, 3)]),
        ("6, (1, 2), groups=3, activation='softmax', bias_regularizer='l1'", [(2, 4, 4, 3)]),
        ("4, 1, strides=3, kernel_constraint='max_norm', activity_regularizer='l2'", [(2, 9, 8, 1)]),
    ],
    "MaxPooling1D": [("", [(2, 9, 3)]), ("3, strides=2, padding='same'", [(2, 8, 3)])],
    "MaxPooling2D": [
        ("", [(2, 9, 8, 3)]),
        ("2", [(2, 4, 4, 1)]),
        ("3, strides=2, padding='same'", [(2, 8, 9, 3)]),
        ("(2, 3), strides=1, padding='same'", [(2, 8, 8, 3)]),
    ],
    "AveragePooling1D": [("2", [(2, 9, 3)]), ("3, strides=1, padding='same'", [(2, 9, 3)])],
    "AveragePooling2D": [("2", [(2, 9, 8, 3)]), ("3, strides=2, padding='same'", [(2, 9, 9, 3)])],
    "GlobalMaxPooling1D": [("", [(2, 9, 3)]), ("keepdims=True", [(2, 9, 3)])],
    "GlobalMaxPooling2D": [("", [(2, 9, 8, 3)]), ("keepdims=True", [(2, 9, 8, 3)])],
    "GlobalAveragePooling1D": [("", [(2, 9, 3)]), ("keepdims=True", [(2, 9, 3)])],
    "GlobalAveragePooling2D": [("", [(2, 9, 8, 3)]), ("keepdims=True", [(2, 9, 8, 3)])],
    "ZeroPadding2D": [("", [(2, 4, 5, 3)]), ("((1, 0), (2, 3))", [(2, 4, 5, 3)]), ("(2, 1)", [(2, 4, 5, 3)])],
    "UpSampling2D": [("", [(2, 4, 5, 3)]), ("(3, 2), interpolation='bilinear'", [(2, 4, 5, 3)])],
}

ALL = [(name, *case) for name, cases in LAYERS.items() for case in cases]


class LayerCase:
    """A layer to make, and input for it."""

    def __init__(self, name: str, arguments: str, shapes: list[tuple[int, ...]], call: str = "") -> None:
        self.name, self.shapes, self.call = name, shapes, call
        self.expression = f"layers.{name}({arguments})"

    def __str__(self) -> str:
        return f"{self.expression.removeprefix('layers.')}-{self.shapes}{self.call}".replace(" ", "")

    def make(self) -> corekit.Layer:
        """Return the layer, not built."""
        return eval(self.expression, {"layers": corekit.layers})

    def inputs(self, dtype: torch.dtype = torch.float32, batch: int | None = None) -> list[torch.Tensor]:
        """Return the same input each time, but for the batch size."""
        generator = torch.Generator().manual_seed(1)
        shapes = [shape if batch is None else (batch, *shape[1:]) for shape in self.shapes]
        return [torch.randn(shape, generator=generator).to(dtype) for shape in shapes]

    def keywords(self) -> dict[str, Any]:
        """Return the further arguments of the call."""
        return eval(f"dict({self.call})", {"torch": torch})

    def run(self, layer: corekit.Layer, inputs: list[torch.Tensor], **keywords: Any) -> list[torch.Tensor]:
        """Return the outputs, one or several, as a list."""
        outputs = layer(*inputs, **self.keywords(), **keywords)
        return list(outputs) if isinstance(outputs, tuple) else [outputs]

    def built(self, dtype: torch.dtype = torch.float32) -> corekit.Layer:
        """Return the layer, built, with no weight at its initial value."""
        layer = self.make().to(dtype)
        self.run(layer, self.inputs())
        layer.clear_losses()
        random = np.random.default_rng(2)
        layer.set_weights([random.uniform(-0.5, 1.0, weight.shape).astype("float32") for weight in layer.weights])
        return layer.to(dtype)


@pytest.fixture(scope="session")
def cases() -> dict[str, Any]:
    return LAYERS


@pytest.fixture(scope="session")
def all_layer_cases() -> list[LayerCase]:
    return [LayerCase(*case) for case in ALL]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "case" in metafunc.fixturenames:
        cases = [LayerCase(*case) for case in ALL]
        metafunc.parametrize("case", cases, ids=map(str, cases))
    if "first_case" in metafunc.fixturenames:  # one per layer
        cases = [LayerCase(name, *layer_cases[0]) for name, layer_cases in LAYERS.items()]
        metafunc.parametrize("first_case", cases, ids=[case.name for case in cases])
