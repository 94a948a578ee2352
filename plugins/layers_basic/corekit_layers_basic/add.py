"""Add: the sum of several tensors."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from corekit import Layer, example
from corekit.errors import ShapeError
from corekit_layers_basic.shapes import Shape, listed, written


@example([(5,), (5,)])
@example([(None, 5), (None, 5), (None, 5)])
@example([(4, 5), (1, 5), (5,)])
class Add(Layer):
    """Add tensors: y = x1 + x2 + ...

    Shape: a list of (batch, ...) -> (batch, ...). Sizes of 1 are repeated, and missing axes stand after the batch:
    (batch, 3) and (batch, 5, 3) give (batch, 5, 3).

    Args:
        kwargs: name, dtype, activity_regularizer, input_shape; see Layer.

    Raises:
        ShapeError: the input is not a list, or its shapes do not fit together.

    Example:
        >>> import torch
        >>> Add()([torch.ones(2), torch.ones(2)])
        tensor([2., 2.])

    Reference: https://keras.io/api/layers/merging_layers/add/
    """

    def build(self, input_shape: Sequence[Shape]) -> None:
        """Check that the shapes fit; there are no weights."""
        self.compute_output_shape(input_shape)

    def call(self, inputs: Sequence[Tensor]) -> Tensor:
        """Return the sum of the inputs."""
        if len({x.dim() for x in inputs}) > 1:
            rank = max(x.dim() for x in inputs)
            inputs = [x[(slice(None), *(None,) * (rank - x.dim()))] if x.dim() < rank else x for x in inputs]
        return functools.reduce(torch.add, inputs)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        """Return the shape that all of them broadcast to."""
        shapes = listed("Add", input_shape)
        rank = max(map(len, shapes))
        padded = [(*shape[:1], *(1,) * (rank - len(shape)), *shape[1:]) for shape in shapes]
        output: list[int | None] = []
        for axis, sizes in enumerate(zip(*padded, strict=True)):
            known = {size for size in sizes if size is not None and (size != 1 or axis == 0)}
            if len(known) > 1:
                raise ShapeError(
                    f"Add cannot add {' and '.join(map(written, shapes))}: the sizes {sorted(known)} do not fit.\n"
                    "  Bring them to one shape first, for example with a Dense or Reshape layer."
                )
            output.append(known.pop() if known else None if None in sizes else 1)
        return tuple(output)
