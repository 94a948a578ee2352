"""ZeroPadding2D: a border of zeros around images."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.nn import functional

from corekit import Layer, example
from corekit.errors import ArgumentError, ShapeError
from corekit_layers_conv.window import AXES, Shape, channels_last, written

Border = int | tuple[int, int] | tuple[tuple[int, int], tuple[int, int]]


@example((None, None, 3))
@example((4, 5, 3), padding=((1, 0), (2, 3)))
@example((4, 5, 3), padding=(2, 1))
class ZeroPadding2D(Layer):
    """Lay zeros around images.

    Shape: (batch, height, width, channels) -> (batch, height + top + bottom, width + left + right, channels).

    Args:
        padding: how many rows and columns: one number for all sides, (height, width) for either pair of sides, or
            ((top, bottom), (left, right)).
        data_format: only "channels_last".
        kwargs: name, dtype, activity_regularizer, input_shape; see Layer.

    Raises:
        ArgumentError: padding is none of these, or channels first is asked for.
        ShapeError: the input has other axes.

    Example:
        >>> import torch
        >>> ZeroPadding2D(((1, 0), (2, 2)))(torch.ones(1, 28, 28, 3)).shape
        torch.Size([1, 29, 32, 3])

    Reference: https://keras.io/api/layers/reshaping_layers/zero_padding2d/
    """

    def __init__(self, padding: Border = (1, 1), data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        pair = (padding, padding) if isinstance(padding, int) else padding
        sides = [(one, one) if isinstance(one, int) else one for one in pair] if _has_two(pair) else []
        if not sides or not all(_has_two(side) and all(isinstance(n, int) and n >= 0 for n in side) for side in sides):
            raise ArgumentError(
                f"ZeroPadding2D(padding={padding!r}): expected a number from 0, (height, width) or "
                "((top, bottom), (left, right)), for example padding=1."
            )
        self.sides = [tuple(side) for side in sides]
        self.data_format = channels_last("ZeroPadding2D", data_format)

    def call(self, inputs: Tensor) -> Tensor:
        """Return the images with their borders."""
        if inputs.dim() != 4:
            self.compute_output_shape(inputs.shape)
        (top, bottom), (left, right) = self.sides
        return functional.pad(inputs, (0, 0, left, right, top, bottom))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape with the borders."""
        if len(input_shape) != 4:
            raise ShapeError(f"ZeroPadding2D expects {AXES[2]}, got {written(input_shape)}.")
        batch, *image, channels = input_shape
        grown = [None if n is None else n + sum(side) for n, side in zip(image, self.sides, strict=True)]
        return (batch, *grown, channels)


def _has_two(value: Any) -> bool:
    return isinstance(value, (tuple, list)) and len(value) == 2
