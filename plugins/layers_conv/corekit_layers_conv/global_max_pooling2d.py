"""GlobalMaxPooling2D: the largest number of each channel over all of an image."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from corekit import Layer, example
from corekit_layers_conv.pooling import global_shape
from corekit_layers_conv.window import Shape, channels_last


@example((None, None, 3))
@example((9, 8, 3), keepdims=True)
class GlobalMaxPooling2D(Layer):
    """Take the largest number of each channel over all places of an image. Equal largest ones share the gradient.

    Shape: (batch, height, width, channels) -> (batch, channels); with keepdims (batch, 1, 1, channels).

    Args:
        data_format: only "channels_last".
        keepdims: whether the axes stay, with size 1.
        kwargs: name, dtype, activity_regularizer, input_shape; see Layer.

    Raises:
        ArgumentError: channels first is asked for.
        ShapeError: the input has other axes.

    Example:
        >>> import torch
        >>> GlobalMaxPooling2D()(torch.arange(8.0).reshape(1, 2, 2, 2))
        tensor([[6., 7.]])

    Reference: https://keras.io/api/layers/pooling_layers/global_max_pooling2d/
    """

    takes_maxima = True

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = channels_last("GlobalMaxPooling2D", data_format)
        self.keepdims = keepdims

    def call(self, inputs: Tensor) -> Tensor:
        """Return the largest number of each channel."""
        if inputs.dim() != 4:
            self.compute_output_shape(inputs.shape)
        return inputs.amax(dim=(1, 2), keepdim=self.keepdims)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (batch, channels), or the input's shape with 1 between them."""
        return global_shape("GlobalMaxPooling2D", 2, tuple(input_shape), self.keepdims)
