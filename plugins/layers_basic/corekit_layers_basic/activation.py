"""Activation, a layer around one activation function."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from corekit import Layer, activations, example
from corekit_layers_basic.shapes import Shape


@example((None,), activation="relu")
@example((2, 5), activation="softmax")
@example((5,), activation=None)
class Activation(Layer):
    """An activation function as a layer: y = activation(x).

    Shape: any -> the same.

    Args:
        activation: a name, a config, or a function of a tensor; None leaves the input as it is.
        kwargs: name, dtype, activity_regularizer, input_shape; see Layer.

    Raises:
        UnknownNameError: no installed distribution has an activation of that name.

    Example:
        >>> import torch
        >>> Activation("relu")(torch.tensor([-1.0, 2.0]))
        tensor([0., 2.])

    Reference: https://keras.io/api/layers/core_layers/activation/
    """

    def __init__(self, activation: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.activation = activations.get(activation)

    def logits(self, inputs: Tensor) -> Tensor:
        """Return what the activation would be given."""
        return inputs

    def call(self, inputs: Tensor) -> Tensor:
        """Return activation(inputs)."""
        return inputs if self.activation is None else self.activation(inputs)

    @property
    def link_activation(self) -> Any:  # type: ignore[override]  # read only here
        """The activation, which `logits` leaves out."""
        return self.activation

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the input's shape."""
        return input_shape
