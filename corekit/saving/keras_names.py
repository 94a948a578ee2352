"""What Keras's names mean here. Data: the one place where a class name in a `.keras` file gains a meaning.

A class of Keras that stands here becomes the component of the standard distributions with the same name; there is no
other way from a name in a file to code. A layer that takes a path or an address must not be added without a check.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class KerasLayer:
    """How a layer of Keras becomes ours.

    Args:
        only: arguments that ours does not have -> the values with which Keras computes as ours does.
        unused: arguments that matter to training only, and that ours leaves to torch's generator.
        own_weights: where the weights lie within the layer's group; `{}` stands for their number.
        weights: attribute -> place, where they do not simply lie in a row.
        becomes: the name of our layer, where it has another.
        given: arguments of ours that say what Keras's class says by its name.
    """

    only: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    unused: tuple[str, ...] = ()
    own_weights: str = "vars/{}"
    weights: Mapping[str, str] = field(default_factory=dict)
    becomes: str = ""
    given: Mapping[str, Any] = field(default_factory=dict)


_PLAIN = KerasLayer()


def _activation(name: str, **only: tuple[Any, ...]) -> KerasLayer:
    """Return a layer of Keras that is our Activation, with the arguments with which it computes the same."""
    return KerasLayer(only=only, becomes="Activation", given={"activation": name})


_RECURRENT = KerasLayer(only={"zero_output_for_mask": (False,)}, unused=("seed",), own_weights="cell/vars/{}")

LAYERS: dict[str, KerasLayer] = {
    "Activation": _PLAIN,
    "Add": _PLAIN,
    "AveragePooling1D": _PLAIN,
    "AveragePooling2D": _PLAIN,
    "BatchNormalization": KerasLayer(
        only={"synchronized": (False,), "renorm": (False,)}, unused=("renorm_clipping", "renorm_momentum")
    ),
    "Concatenate": _PLAIN,
    "Conv1D": _PLAIN,
    "Conv2D": _PLAIN,
    "Dense": _PLAIN,
    "Dropout": KerasLayer(unused=("seed",)),
    "ELU": _activation("elu", alpha=(1.0,)),
    "Embedding": _PLAIN,
    "Flatten": _PLAIN,
    "GRU": _RECURRENT,
    "GlobalAveragePooling1D": _PLAIN,
    "GlobalAveragePooling2D": _PLAIN,
    "GlobalMaxPooling1D": _PLAIN,
    "GlobalMaxPooling2D": _PLAIN,
    "Identity": _PLAIN,
    "LSTM": _RECURRENT,
    "LayerNormalization": KerasLayer(only={"rms_scaling": (False,)}),
    "MaxPooling1D": _PLAIN,
    "MaxPooling2D": _PLAIN,
    "MultiHeadAttention": KerasLayer(
        only={"use_gate": (False,), "attention_axes": (None, [1])},
        unused=("seed", "flash_attention"),
        weights={
            f"{one}_{weight}": f"{one}_dense/vars/{number}"
            for one in ("query", "key", "value", "output")
            for number, weight in enumerate(("kernel", "bias"))
        },
    ),
    "ReLU": _activation("relu", max_value=(None,), negative_slope=(0.0,), threshold=(0.0,)),
    "Rescaling": _PLAIN,
    "Reshape": _PLAIN,
    "Softmax": _activation("softmax", axis=(-1,)),
    "UpSampling2D": _PLAIN,
    "ZeroPadding2D": _PLAIN,
}

HOLD_CODE = {
    "Lambda": "it holds Python bytecode",
    "TorchModuleWrapper": "it holds a pickle",
    "TFSMLayer": "it runs a program that lies elsewhere",
    "JaxLayer": "it holds Python code",
    "FlaxLayer": "it holds Python code",
}
"""Layers of Keras that are code in the clothes of data."""

MODULES = {
    "keras.layers": "layers",
    "keras.initializers": "initializers",
    "keras.regularizers": "regularizers",
    "keras.constraints": "constraints",
    "keras.activations": "activations",
}

OPERATORS = {
    "Absolute": "abs",
    "Add": "add",
    "Divide": "truediv",
    "FloorDivide": "floordiv",
    "GetItem": "getitem",
    "Greater": "gt",
    "GreaterEqual": "ge",
    "Less": "lt",
    "LessEqual": "le",
    "Matmul": "matmul",
    "Mod": "mod",
    "Multiply": "mul",
    "Negative": "neg",
    "Power": "pow",
    "Subtract": "sub",
    "TrueDivide": "truediv",
}
"""Operations of a drawn model (`x * 2`, `x[:, 0]`) -> the operator that corekit's models note for them."""

ACTIVATIONS = {
    "Elu": {"alpha": (1.0,)},
    "Gelu": {"approximate": (False,)},
    "LogSoftmax": {"axis": (-1,)},
    "Relu": {},
    "Relu6": {},
    "Selu": {},
    "Sigmoid": {},
    "Silu": {},
    "Softmax": {"axis": (-1,)},
    "Softplus": {},
    "Softsign": {},
    "Tanh": {},
}  # type: dict[str, dict[str, tuple[Any, ...]]]
"""Operations that are activations (`keras.ops.relu(x)`) -> the arguments with which ours computes the same."""


def snake_case(name: str) -> str:
    """Return a class's name as Keras writes it into paths.

    Example:
        >>> snake_case("GlobalAveragePooling2D"), snake_case("LSTM"), snake_case("BatchNormalization")
        ('global_average_pooling2d', 'lstm', 'batch_normalization')
    """
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()
