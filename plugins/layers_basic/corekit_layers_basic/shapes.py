"""What the layers of this package ask of shapes, and how their errors write them. A shape's None is an unknown size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from corekit.errors import ShapeError

Shape = tuple[int | None, ...]


def written(shape: Sequence[int | None]) -> str:
    """Return a shape as errors write it.

    Example:
        >>> written((None, 28, None))
        '(batch, 28, any)'
    """
    words = [str(size) if size is not None else "any" if axis else "batch" for axis, size in enumerate(shape)]
    return f"({', '.join(words)})"


def axis_index(layer: str, axis: int, shape: Sequence[int | None]) -> int:
    """Return `axis` counted from 0.

    Args:
        layer: what the error calls the layer.
        axis: from -rank to rank - 1.
        shape: the input's.

    Raises:
        ShapeError: the shape has no such axis.

    Example:
        >>> axis_index("Concatenate", -1, (None, 3, 4))
        2
    """
    rank = len(shape)
    if not -rank <= axis < rank:
        raise ShapeError(
            f"{layer}(axis={axis}) cannot take {written(shape)}: its axes are {', '.join(map(str, range(rank)))}, "
            "and -1 is the last."
        )
    return axis % rank


def known_size(layer: str, axis: int, shape: Sequence[int | None]) -> int:
    """Return the size along `axis`, on which the weights depend.

    Raises:
        ShapeError: there is no such axis, or its size is unknown.

    Example:
        >>> known_size("BatchNormalization", -1, (None, 28, 28, 3))
        3
    """
    size = shape[axis_index(layer, axis, shape)]
    if size is None:
        raise ShapeError(
            f"{layer} has weights for axis {axis}, and in {written(shape)} the size of that axis is unknown.\n"
            "  Give it where the input is declared, for example Input(shape=(784,))."
        )
    return size


def listed(layer: str, shapes: Any) -> list[Shape]:
    """Return the shapes of a list of tensors.

    Raises:
        ShapeError: it is one shape, not a list of shapes; or the list is empty.

    Example:
        >>> listed("Add", [(None, 3), (None, 3)])
        [(None, 3), (None, 3)]
    """
    if not isinstance(shapes, (list, tuple)) or not all(isinstance(shape, (list, tuple)) for shape in shapes):
        got = written(shapes) if isinstance(shapes, (list, tuple)) else "no tensor"
        raise ShapeError(f"{layer} takes a list of tensors, got {got}.\n  Write  {layer}()([a, b]).")
    if not shapes:
        raise ShapeError(f"{layer} takes a list of at least one tensor, got none.\n  Write  {layer}()([a, b]).")
    return [tuple(shape) for shape in shapes]
