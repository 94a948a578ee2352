"""MaxPooling1D: the largest of each stretch of steps."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from corekit import Layer, example
from corekit_layers_conv.pooling import max_pool, pool_window
from corekit_layers_conv.window import Shape, channels_last


@example((None, 3))
@example((8, 3), pool_size=3, strides=2, padding="same")
@example((9, 3), pool_size=3, strides=1, padding="same")
class MaxPooling1D(Layer):
    """Take the largest number of each window, channel by channel.

    Shape: (batch, steps, channels) -> (batch, new steps, channels).

    Args:
        pool_size: the window's length.
        strides: how far it moves; default pool_size, so that windows do not overlap.
        padding: "valid" for windows that lie inside only, "same" for one at every stride;
            what is outside never wins.
        data_format: only "channels_last".
        kwargs: name, dtype, activity_regularizer, input_shape; see Layer.

    Raises:
        ArgumentError: an argument is out of range, or channels first is asked for.
        ShapeError: the input has other axes, or is smaller than the window.

    Example:
        >>> import torch
        >>> MaxPooling1D(2)(torch.tensor([[[1.0], [3.0], [2.0], [0.0]]])).flatten()
        tensor([3., 2.])

    Reference: https://keras.io/api/layers/pooling_layers/max_pooling1d/
    """

    takes_maxima = True

    def __init__(
        self, pool_size: int | tuple[int] = 2, strides: int | tuple[int] | None = None, padding: str = "valid",
        data_format: str | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(**kwargs)
        self.window = pool_window("MaxPooling1D", 1, pool_size, strides, padding)
        self.data_format = channels_last("MaxPooling1D", data_format)

    def call(self, inputs: Tensor) -> Tensor:
        """Return the largest of each window."""
        if inputs.dim() != 3:
            self.compute_output_shape(inputs.shape)
        return max_pool(inputs, self.window)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (batch, ..., channels); None where a size is open."""
        return self.window.output_shape(tuple(input_shape))
