"""Checks that the layers of this package share, and how their errors write shapes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from corekit.errors import ArgumentError, ShapeError

Shape = tuple[int | None, ...]


def whole(layer: str, argument: str, value: Any, example: int) -> int:
    """Return a whole number from 1.

    Raises:
        ArgumentError: it is none.

    Example:
        >>> whole("LSTM", "units", 64, 32)
        64
    """
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ArgumentError(f"{layer}({argument}={value!r}): expected a whole number from 1, for example {example}.")
    return value


def rate(layer: str, argument: str, value: Any) -> float:
    """Return a probability.

    Raises:
        ArgumentError: it is not a number from 0 to 1.
    """
    if not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise ArgumentError(f"{layer}({argument}={value!r}): expected a number from 0 to 1, for example 0.1.")
    return value


def no_seed(layer: str, seed: Any) -> None:
    """Refuse a seed of the layer's own.

    Raises:
        ArgumentError: there is one.
    """
    if seed is not None:
        raise ArgumentError(
            f"{layer}(seed={seed!r}): a layer has no random generator of its own; masks come from torch's.\n"
            f"  Leave seed out and write  corekit.utils.set_random_seed({seed!r})  at the start of the program."
        )


def features(layer: str, shape: Sequence[int | None]) -> int:
    """Return how many features each step of (batch, steps, features) has.

    Raises:
        ShapeError: the shape is of another kind, or their number is unknown.
    """
    if len(shape) != 3:
        raise ShapeError(f"{layer} expects (batch, steps, features), got {written(shape)}.")
    if shape[2] is None:
        raise ShapeError(
            f"{layer} has weights for each feature, and in {written(shape)} their number is unknown.\n"
            "  Give it where the input is declared, for example Input(shape=(None, 32))."
        )
    return shape[2]


def written(shape: Sequence[int | None]) -> str:
    """Return a shape as errors write it.

    Example:
        >>> written((None, 28, None))
        '(batch, 28, any)'
    """
    words = [str(size) if size is not None else "any" if axis else "batch" for axis, size in enumerate(shape)]
    return f"({', '.join(words)})"
