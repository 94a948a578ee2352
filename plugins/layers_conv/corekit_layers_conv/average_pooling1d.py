"""AveragePooling1D: the mean of each stretch of steps."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from corekit import Layer, example
from corekit_layers_conv.pooling import average_pool, pool_window
from corekit_layers_conv.window import Shape, channels_last


@example((None, 3), pool_size=2)
@example((8, 3), pool_size=3, strides=2, padding="same")
@example((9, 3), pool_size=3, strides=1, padding="same")
class AveragePooling1D(Layer):
    """Take the mean of each window, channel by channel.

    Shape: (batch, steps, channels) -> (batch, new steps, channels).

    Args:
        pool_size: the window's length.
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
        >>> AveragePooling1D(2)(torch.tensor([[[1.0], [3.0], [2.0], [0.0]]])).flatten()
        tensor([2., 1.])

    Reference: https://keras.io/api/layers/pooling_layers/average_pooling1d/
    """

    def __init__(
        self, pool_size: int | tuple[int], strides: int | tuple[int] | None = None, padding: str = "valid",
        data_format: str | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(**kwargs)
        self.window = pool_window("AveragePooling1D", 1, pool_size, strides, padding)
        self.data_format = channels_last("AveragePooling1D", data_format)

    def call(self, inputs: Tensor) -> Tensor:
        """Return the mean of each window."""
        if inputs.dim() != 3:
            self.compute_output_shape(inputs.shape)
        return average_pool(inputs, self.window)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (batch, ..., channels); None where a size is open."""
        return self.window.output_shape(tuple(input_shape))
