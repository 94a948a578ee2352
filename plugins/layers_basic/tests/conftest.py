"""The cases of the comparison with Keras: calls that read the same in both libraries; each component needs one."""

from typing import Any

import numpy as np
import pytest
import torch

import corekit
from corekit.registry import registry

DISTRIBUTION = "corekit-layers-basic"

# name -> [(arguments, shape of the input, or a list of shapes)]
LAYERS: dict[str, list[tuple[str, Any]]] = {
    "Dense": [
        ("4", (3, 5)),
        ("4, activation='softmax'", (3, 5)),
        ("4, activation='tanh', use_bias=False", (3, 5)),
        ("4, 'relu', kernel_regularizer='l2', bias_regularizer='l1', activity_regularizer='l2'", (3, 5)),
        ("4, kernel_constraint='max_norm', bias_constraint='non_neg'", (3, 6, 5)),
        ("1, bias_initializer='ones'", (2, 3, 4, 5)),
    ],
    "Activation": [("'relu'", (3, 5)), ("'softmax'", (3, 2, 5)), ("None", (3, 5))],
    "Dropout": [("0.5", (3, 5)), ("0.5, noise_shape=(None, 1, None)", (3, 4, 5)), ("0.0", (3, 5)), ("1.0", (3, 5))],
    "Flatten": [("", (3, 4, 5, 2)), ("", (3,)), ("data_format='channels_first'", (3, 4, 5, 2))],
    "Identity": [("", (3, 5))],
    "Reshape": [("(5, 4)", (3, 4, 5)), ("(2, -1)", (3, 4, 5)), ("(-1,)", (3, 4, 5)), ("(20, 1, 1)", (3, 20))],
    "Rescaling": [("1 / 255", (3, 5)), ("2.0, offset=-1.0", (3, 4, 5)), ("[1.0, 2.0], offset=[0.5, -1.0]", (3, 4, 2))],
    "Add": [("", [(3, 5), (3, 5)]), ("", [(3, 4, 5)] * 3), ("", [(3, 4, 5), (3, 1, 5), (3, 5)])],
    "Concatenate": [
        ("", [(3, 5), (3, 2)]),
        ("axis=1", [(3, 4, 5), (3, 1, 5), (3, 2, 5)]),
        ("axis=-2", [(3, 4, 5)] * 2),
    ],
    "LayerNormalization": [
        ("", (3, 5)),
        ("axis=[1, 2]", (3, 4, 5)),
        ("axis=(3, 1), epsilon=1e-5", (3, 4, 5, 2)),
        ("axis=[-1], scale=False", (3, 4, 5)),
        ("center=False, gamma_regularizer='l2'", (3, 4, 5)),
    ],
    "BatchNormalization": [
        ("", (6, 5)),
        ("momentum=0.9, epsilon=1e-5", (3, 4, 4, 5)),
        ("axis=1", (3, 4, 5)),
        ("axis=-2, center=False", (3, 4, 5, 2)),
        ("scale=False, beta_regularizer='l2'", (3, 4, 5)),
        ("trainable=False", (6, 5)),
    ],
}

ACTIVATIONS: dict[str, list[str]] = {
    "relu": [
        "",
        "negative_slope=0.1",
        "max_value=6",
        "max_value=2.5",
        "threshold=1.0",
        "threshold=-1.0, max_value=3.0",
        "negative_slope=0.1, max_value=2.0",
        "negative_slope=0.1, max_value=2.0, threshold=0.5",
        "negative_slope=0.1, threshold=-0.5",
    ],
    "leaky_relu": ["", "negative_slope=0.4"],
    "elu": ["", "alpha=0.5"],
    "celu": ["", "alpha=2.0"],
    "gelu": ["", "approximate=True"],
    "softmax": ["", "axis=0"],
    "log_softmax": ["", "axis=0"],
    "relu6": [""],
    "selu": [""],
    "silu": [""],
    "mish": [""],
    "sigmoid": [""],
    "log_sigmoid": [""],
    "tanh": [""],
    "softplus": [""],
    "softsign": [""],
    "exponential": [""],
    "linear": [""],
    "hard_sigmoid": [""],
    "hard_silu": [""],
    "hard_tanh": [""],
}

REGULARIZERS: dict[str, list[str]] = {
    "L1": ["", "0.3"],
    "L2": ["", "0.3"],
    "L1L2": ["", "l1=0.1", "l2=0.2", "0.1, 0.2"],
    "OrthogonalRegularizer": ["", "0.3, mode='columns'"],
}

CONSTRAINTS: dict[str, list[str]] = {
    "MaxNorm": ["", "1.5", "0.5, axis=1", "1.0, axis=[0, 1]"],
    "NonNeg": [""],
    "UnitNorm": ["", "axis=1"],
    "MinMaxNorm": ["", "0.5, 1.5", "2.0, 3.0, rate=0.5", "0.1, 0.2, axis=[0, 1]"],
}

CASES: dict[str, dict[str, Any]] = {
    "layers": LAYERS,
    "activations": ACTIVATIONS,
    "regularizers": REGULARIZERS,
    "constraints": CONSTRAINTS,
}

LAYER_CASES = [(name, arguments, shape) for name, cases in LAYERS.items() for arguments, shape in cases]


class LayerCase:
    """A layer to make, and input for it."""

    def __init__(self, name: str, arguments: str, shape: Any) -> None:
        self.name, self.shape = name, shape
        self.expression = f"layers.{name}({arguments})"
        self.is_list = isinstance(shape, list)
        self.is_random = name == "Dropout" and "0.5" in arguments

    def __str__(self) -> str:
        return f"{self.expression.removeprefix('layers.')}-{self.shape}".replace(" ", "")

    def make(self) -> corekit.Layer:
        """Return the layer, not built."""
        return eval(self.expression, {"layers": corekit.layers})

    def inputs(self) -> Any:
        """Return the same input each time."""
        generator = torch.Generator().manual_seed(1)
        drawn = [torch.randn(shape, generator=generator) for shape in (self.shape if self.is_list else [self.shape])]
        return drawn if self.is_list else drawn[0]

    def built(self) -> corekit.Layer:
        """Return the layer, built, with no weight at its initial value."""
        layer = self.make()
        layer(self.inputs())
        layer.clear_losses()
        random = np.random.default_rng(2)
        layer.set_weights([random.uniform(0.5, 1.5, weight.shape).astype("float32") for weight in layer.weights])
        return layer


@pytest.fixture(scope="session")
def cases() -> dict[str, dict[str, Any]]:
    return CASES


@pytest.fixture(scope="session")
def all_layer_cases() -> list[LayerCase]:
    return [LayerCase(*case) for case in LAYER_CASES]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "case" in metafunc.fixturenames:
        cases = [LayerCase(*case) for case in LAYER_CASES]
        metafunc.parametrize("case", cases, ids=map(str, cases))
    components = [c for c in registry.components() if c.distribution == DISTRIBUTION]
    if "component" in metafunc.fixturenames:
        metafunc.parametrize("component", components, ids=lambda c: f"{c.kind}-{c.name}")
