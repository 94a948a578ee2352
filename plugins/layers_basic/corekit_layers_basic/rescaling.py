"""Rescaling: a fixed scale and offset, for example from bytes to [0, 1]."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from corekit import Layer, example
from corekit.errors import ArgumentTypeError
from corekit_layers_basic.shapes import Shape


@example((None,), scale=1 / 255)
@example((4, 5), scale=2.0, offset=-1.0)
@example((None, 2), scale=[1.0, 2.0], offset=[0.5, -1.0])
class Rescaling(Layer):
    """Rescale values, in training and in inference: y = x * scale + offset.

    Shape: any -> the same. Whole numbers become the layer's dtype.

    Args:
        scale: a number, or one per channel (a list or array that broadcasts against the last axes). 1 / 255 brings
            bytes to [0, 1]; 1 / 127.5 with offset -1 to [-1, 1].
        offset: a number, or one per channel.
        kwargs: name, dtype, activity_regularizer, input_shape; see Layer.

    Raises:
        ArgumentTypeError: scale or offset is neither a number nor made of numbers.

    Example:
        >>> Rescaling(1 / 255)(torch.tensor([0, 51, 255], dtype=torch.uint8))
        tensor([0.0000, 0.2000, 1.0000])

    Reference: https://keras.io/api/layers/preprocessing_layers/image_preprocessing/rescaling/
    """

    scale: float | Tensor
    offset: float | Tensor

    def __init__(self, scale: Any, offset: Any = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._keep("scale", scale)
        self._keep("offset", offset)

    def call(self, inputs: Tensor) -> Tensor:
        """Return inputs * scale + offset."""
        if not inputs.is_floating_point():
            inputs = inputs.to(self.dtype)
        return (inputs * self.scale + self.offset).to(inputs.dtype)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the input's shape."""
        return input_shape

    def _keep(self, name: str, value: Any) -> None:
        """Store a number as it is, and an array where it moves with the layer; the config holds it, not the state."""
        if isinstance(value, (int, float)):
            setattr(self, name, value)
            return
        try:
            tensor = torch.as_tensor(value, dtype=self.dtype)
        except (TypeError, ValueError, RuntimeError) as error:
            raise ArgumentTypeError(
                f"Rescaling({name}={value!r}): expected a number or one per channel, for example {name}=1 / 255."
            ) from error
        self.register_buffer(name, tensor, persistent=False)
