"""Concatenate: several tensors side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from corekit import Layer, example
from corekit.errors import ArgumentTypeError, ShapeError
from corekit_layers_basic.shapes import Shape, axis_index, listed, written


@example([(5,), (2,)])
@example([(4, 5), (1, 5), (2, 5)], axis=1)
@example([(None, 5), (None, 5)], axis=-2)
class Concatenate(Layer):
    """Join tensors along one axis.

    Shape: a list of (batch, ...), equal but for `axis` -> the same with the sizes of `axis` added up.

    Args:
        axis: along which they are joined; -1 is the last.
        kwargs: name, dtype, activity_regularizer, input_shape; see Layer.

    Raises:
        ArgumentTypeError: axis is not a whole number.
        ShapeError: the input is not a list, or its shapes differ elsewhere too.

    Example:
        >>> Concatenate()([torch.ones(2, 3), torch.ones(2, 4)]).shape
        torch.Size([2, 7])

    Reference: https://keras.io/api/layers/merging_layers/concatenate/
    """

    def __init__(self, axis: int = -1, **kwargs: Any) -> None:
        if not isinstance(axis, int):
            raise ArgumentTypeError(f"Concatenate(axis={axis!r}): expected a whole number, for example axis=-1.")
        super().__init__(**kwargs)
        self.axis = axis

    def build(self, input_shape: Sequence[Shape]) -> None:
        """Check that the shapes fit; there are no weights."""
        self.compute_output_shape(input_shape)

    def call(self, inputs: Sequence[Tensor]) -> Tensor:
        """Return the inputs joined along `axis`."""
        return torch.cat(list(inputs), dim=self.axis)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        """Return the common shape, with the sizes of `axis` added up; None where one of them is unknown."""
        shapes = listed("Concatenate", input_shape)
        join = axis_index("Concatenate", self.axis, shapes[0])
        fits = all(len(shape) == len(shapes[0]) for shape in shapes)
        output: list[int | None] = []
        for axis, sizes in enumerate(zip(*shapes, strict=False)):
            known = [size for size in sizes if size is not None]
            fits = fits and (axis == join or len(set(known)) < 2)
            if axis == join:
                output.append(sum(known) if len(known) == len(sizes) else None)
            else:
                output.append(known[0] if known else None)
        if not fits:
            raise ShapeError(
                f"Concatenate(axis={self.axis}) cannot join {' and '.join(map(written, shapes))}: "
                "all axes but that one must have equal sizes.\n"
                "  Name the axis that differs, for example Concatenate(axis=1), or bring them to one shape first."
            )
        return tuple(output)
