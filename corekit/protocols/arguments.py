"""Checks of numbers that are given to an optimizer or a schedule."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Any

from corekit.errors import ArgumentError, ArgumentTypeError


def check_number(
    owner: object,
    name: str,
    value: Any,
    *,
    least: float = 0,
    above: float | None = None,
    below: float = math.inf,
    most: float | None = None,
    kind: str = "a number",
) -> float:
    """Return an argument of `owner` as a float.

    Args:
        owner: the object whose constructor it was given to.
        name: the argument's name.
        value: what was given.
        least: the smallest number that is right.
        above: if given, the number must be more than this.
        below: the number must be less than this.
        most: if given, the largest number that is right.
        kind: what it may be.

    Raises:
        ArgumentTypeError: it is no number.
        ArgumentError: it is NaN or out of its range.

    Example:
        >>> check_number("text", "share", 1, below=2)
        1.0
    """
    start = f"from {least} to" if above is None else f"more than {above} and"
    end = f"less than {below}" if most is None else f"{most}"
    expected = f"{type(owner).__name__}({name}={value!r}): expected {kind}, {start} {end}."
    if isinstance(value, bool) or not isinstance(value, Real):
        raise ArgumentTypeError(expected)
    number = float(value)
    fits = least <= number < below and (above is None or number > above) and (most is None or number <= most)
    if not fits:
        raise ArgumentError(expected)
    return number


def check_count(owner: object, name: str, value: Any, *, least: int = 1, otherwise: str = "") -> int:
    """Return an argument of `owner` as a whole number.

    Args:
        owner: the object whose constructor it was given to.
        name: the argument's name.
        value: what was given.
        least: the smallest number that is right.
        otherwise: what to write where no number is wanted.

    Raises:
        ArgumentTypeError: it is no whole number.
        ArgumentError: it is less than `least`.
    """
    where = f"{type(owner).__name__}({name}={value!r})"
    expected = f"expected a whole number, {least} or more{otherwise}"
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise ArgumentTypeError(f"{where}: {expected}.")
    if int(value) < least:
        raise ArgumentError(f"{where}: {expected}.")
    return int(value)
