"""Reshape: the numbers of a sample in another shape."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from torch import Tensor

from corekit import Layer, example
from corekit.errors import ArgumentError, ShapeError
from corekit_layers_basic.shapes import Shape, written


@example((4, 5), target_shape=(5, 4))
@example((4, 5), target_shape=(2, -1))
@example((None, 3), target_shape=(-1,))
@example((20,), target_shape=(20, 1, 1))
class Reshape(Layer):
    """Give each sample another shape; the numbers keep their order, the last axis running fastest.

    Shape: (batch, ...) -> (batch, *target_shape).

    Args:
        target_shape: sizes without the batch. One of them may be -1: whatever is left over.
        kwargs: name, dtype, activity_regularizer, input_shape; see Layer.

    Raises:
        ArgumentError: target_shape holds something that is no size, or more than one -1.
        ShapeError: a sample has another number of numbers.

    Example:
        >>> import torch
        >>> Reshape((2, -1))(torch.arange(6.0).reshape(1, 6))
        tensor([[[0., 1., 2.],
                 [3., 4., 5.]]])

    Reference: https://keras.io/api/layers/reshaping_layers/reshape/
    """

    def __init__(self, target_shape: Sequence[int], **kwargs: Any) -> None:
        if not isinstance(target_shape, (tuple, list)) or not all(
            isinstance(size, int) and size >= -1 for size in target_shape
        ):
            raise ArgumentError(
                f"Reshape({target_shape!r}): expected sizes without the batch, for example Reshape((28, 28, 1))."
            )
        if list(target_shape).count(-1) > 1:
            raise ArgumentError(f"Reshape({tuple(target_shape)}): only one size may be -1 (whatever is left over).")
        super().__init__(**kwargs)
        self.target_shape = tuple(target_shape)
        self._known = math.prod([size for size in target_shape if size != -1])

    def call(self, inputs: Tensor) -> Tensor:
        """Return the inputs in the shape (batch, *target_shape)."""
        return inputs.reshape(inputs.shape[0], *self._sizes(inputs.shape))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (batch, *target_shape); -1 becomes None where the input has an unknown size."""
        if any(size is None for size in input_shape[1:]):
            return (input_shape[0], *(None if size == -1 else size for size in self.target_shape))
        return (input_shape[0], *self._sizes(input_shape))

    def _sizes(self, input_shape: Sequence[Any]) -> tuple[int, ...]:
        """Return the target shape with its -1 worked out."""
        total = math.prod(input_shape[1:])
        known = self._known
        left_over = total // known if known and -1 in self.target_shape else 1
        if known * left_over != total:
            raise ShapeError(
                f"Reshape({self.target_shape}) cannot take {written(input_shape)}: {total} numbers in a sample do not "
                f"fill {known}{' times a whole number' if -1 in self.target_shape else ''}.\n"
                f"  Choose sizes whose product is {total}; one of them may be -1 (whatever is left over)."
            )
        return tuple(left_over if size == -1 else size for size in self.target_shape)
