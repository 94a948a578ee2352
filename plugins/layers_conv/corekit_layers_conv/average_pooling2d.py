"""AveragePooling2D: the mean of each patch of an image."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from corekit import Layer, example
from corekit_layers_conv.pooling import average_pool, pool_window
from corekit_layers_conv.window import Shape, channels_last


@example((None, None, 3), pool_size=2)
@example((8, 9, 3), pool_size=3, strides=2, padding="same")
@example((8, 8, 3), pool_size=(2, 3), strides=1, padding="same")
class AveragePooling2D(Layer):
    """Take the mean of each window, channel by channel.

    Shape: (batch, height, width, channels) -> (batch, new height, new width, channels).

    Args:
        pool_size: the window's height and width, or one number for both.
        strides: how far it moves; default pool_size, so that windows do not overlap.
        padding: "valid" for windows that lie inside only, "same" for one at every stride;
            what is outside does not count.
        data_format: only "channels_last".
        kwargs: name, dtype, activity_regularizer, input_shape; see Layer.

    Raises:
        ArgumentError: an argument is out of range, or channels first is asked for.
        ShapeError: the input has other axes, or is smaller than the window.

    Example:
        >>> import torch
        >>> AveragePooling2D(2)(torch.arange(16.0).reshape(1, 4, 4, 1)).flatten()
        tensor([ 2.5000,  4.5000, 10.5000, 12.5000])

    Reference: https://keras.io/api/layers/pooling_layers/average_pooling2d/
    """

    def __init__(
        self, pool_size: int | tuple[int, int], strides: int | tuple[int, int] | None = None,
        padding: str = "valid", data_format: str | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(**kwargs)
        self.window = pool_window("AveragePooling2D", 2, pool_size, strides, padding)
        self.data_format = channels_last("AveragePooling2D", data_format)

    def call(self, inputs: Tensor) -> Tensor:
        """Return the mean of each window."""
        if inputs.dim() != 4:
            self.compute_output_shape(inputs.shape)
        return average_pool(inputs, self.window)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (batch, ..., channels); None where a size is open."""
        return self.window.output_shape(tuple(input_shape))
