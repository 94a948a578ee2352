"""GlobalAveragePooling1D: the mean of each channel over all steps."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from corekit import Layer, example
from corekit_layers_conv.pooling import global_shape
from corekit_layers_conv.window import Shape, channels_last


@example((None, 3))
@example((9, 3), keepdims=True)
class GlobalAveragePooling1D(Layer):
    """Take the mean of each channel over all steps.

    Shape: (batch, steps, channels) -> (batch, channels); with keepdims (batch, 1, channels).

    Args:
        data_format: only "channels_last".
        keepdims: whether the axes stay, with size 1.
        kwargs: name, dtype, activity_regularizer, input_shape; see Layer.

    Raises:
        ArgumentError: channels first is asked for.
        ShapeError: the input has other axes.

    Example:
        >>> import torch
        >>> GlobalAveragePooling1D()(torch.tensor([[[1.0, 5.0], [3.0, 7.0]]]))
        tensor([[2., 6.]])

    Reference: https://keras.io/api/layers/pooling_layers/global_average_pooling1d/
    """

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = channels_last("GlobalAveragePooling1D", data_format)
        self.keepdims = keepdims

    def call(self, inputs: Tensor) -> Tensor:
        """Return the mean of each channel."""
        if inputs.dim() != 3:
            self.compute_output_shape(inputs.shape)
        return inputs.mean(dim=1, keepdim=self.keepdims)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (batch, channels), or the input's shape with 1 between them."""
        return global_shape("GlobalAveragePooling1D", 1, tuple(input_shape), self.keepdims)
