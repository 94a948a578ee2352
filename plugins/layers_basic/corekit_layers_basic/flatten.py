"""Flatten: all axes after the batch become one."""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor

from corekit import Layer, example
from corekit.errors import ArgumentError, ShapeError
from corekit_layers_basic.shapes import Shape


@example((4, 5, 2))
@example(())
@example((None, 3))
@example((4, 5, 2), data_format="channels_first")
class Flatten(Layer):
    """Lay each sample's numbers in one row, the last axis running fastest. No copy where memory lies in that order.

    Shape: (batch, ...) -> (batch, product of the other sizes); (batch,) -> (batch, 1).

    Args:
        data_format: "channels_last", or "channels_first" for input of shape (batch, channels, ...), whose channels
            then still run fastest, so that weights after the layer fit both. Default "channels_last".
        kwargs: name, dtype, activity_regularizer, input_shape; see Layer.

    Raises:
        ArgumentError: data_format is another word.

    Example:
        >>> import torch
        >>> Flatten()(torch.ones(2, 28, 28, 3)).shape
        torch.Size([2, 2352])

    Reference: https://keras.io/api/layers/reshaping_layers/flatten/
    """

    def __init__(self, data_format: str | None = None, **kwargs: Any) -> None:
        if data_format not in (None, "channels_last", "channels_first"):
            raise ArgumentError(
                f'Flatten(data_format={data_format!r}): expected "channels_last" (the default) or "channels_first".'
            )
        super().__init__(**kwargs)
        self.data_format = data_format or "channels_last"

    def call(self, inputs: Tensor) -> Tensor:
        """Return one row per sample."""
        if inputs.dim() == 1:
            return inputs[:, None]
        if self.data_format == "channels_first":
            inputs = inputs.movedim(1, -1)
        return inputs.flatten(1)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (batch, product of the other sizes), which is None where one of them is."""
        if not input_shape:
            raise ShapeError("Flatten expects (batch, ...), got a single number: ().")
        batch, *sizes = input_shape
        known = [size for size in sizes if size is not None]
        return (batch, math.prod(known) if len(known) == len(sizes) else None)
