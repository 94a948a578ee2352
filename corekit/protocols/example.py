"""What a component is tried with: its author declares arguments and input shapes, the conformance kit does the rest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from corekit.errors import ArgumentError

Value = TypeVar("Value")

_EXAMPLES = "corekit_examples"
_FAILURES = "corekit_known_failures"


@dataclass(frozen=True)
class Values:
    """A tensor to be drawn: its shape, and where its values lie, uniformly.

    Args:
        shape: in an example of a layer, loss or metric without the batch axis. None is an axis of any size from 4: the
            kit draws several.
        low: the least value; default -1, or 0 for whole numbers.
        high: above all values; default 1. Whole numbers need it.
        dtype: "int64" or "bool" where whole numbers are meant; default floating point, in the precision of the check.

    Example:
        >>> Values((5,), high=10, dtype="int64")
        Values(shape=(5,), low=0, high=10, dtype='int64')
    """

    shape: tuple[int | None, ...]
    low: float | None = None
    high: float = 1
    dtype: str | None = None

    def __post_init__(self) -> None:
        if self.low is None:
            object.__setattr__(self, "low", -1 if self.dtype is None else 0)
        if self.low is not None and not self.low < self.high:
            raise ArgumentError(f"Values(low={self.low}, high={self.high}): expected low below high.")


@dataclass(frozen=True)
class Example:
    """One way to make a component and to call it."""

    inputs: tuple[Any, ...] = ()  # of Values, or lists of them where a call takes a list
    arguments: dict[str, Any] = field(default_factory=dict)


def example(*inputs: Any, **arguments: Any) -> Callable[[Value], Value]:
    """Declare with what the conformance kit tries a class or a function; several of them stand one above the other.

    Args:
        inputs: what it is called with: a shape (None for an axis that may have any size), `Values` where their kind
            matters, or a list of these. Layers, losses and metrics get a batch of such samples, so their shapes leave
            out the batch; of all others it is the whole shape. A loss or metric has two, y_true and y_pred.
            Optimizers, schedules, initializers and callbacks need none.
        arguments: for the constructor; of a function, keywords of the call.

    Raises:
        ArgumentError: an input is no shape.

    Example:
        >>> @example((4,), factor=2.0)
        ... @example((3, 4), factor=0.5)
        ... class Scale:
        ...     def __init__(self, factor): ...
        >>> [one.arguments for one in examples_of(Scale)]
        [{'factor': 2.0}, {'factor': 0.5}]
    """
    declared = Example(tuple(_values(one) for one in inputs), arguments)

    def declare(value: Value) -> Value:
        setattr(value, _EXAMPLES, (declared, *vars(value).get(_EXAMPLES, ())))  # not what a base class declares
        return value

    return declare


def known_failure(check: str, reason: str) -> Callable[[Value], Value]:
    """Declare that a check of the kit fails for a class or function, and why. If it passes after all, that is told.

    Example:
        >>> @known_failure("exports", "the number of steps is read on the host")
        ... class Recurrence: ...
        >>> known_failures_of(Recurrence)
        {'exports': 'the number of steps is read on the host'}
    """
    if not reason.strip():
        raise ArgumentError(f'known_failure("{check}", ""): expected the reason, in words.')

    def declare(value: Value) -> Value:
        setattr(value, _FAILURES, {check: reason, **vars(value).get(_FAILURES, {})})
        return value

    return declare


def examples_of(value: Any) -> tuple[Example, ...]:
    """Return what was declared for a class or a function itself, in the order of the lines."""
    found: tuple[Example, ...] = getattr(value, "__dict__", {}).get(_EXAMPLES, ())
    return found


def known_failures_of(value: Any) -> dict[str, str]:
    """Return the checks that are declared to fail for a class or a function itself, with the reasons."""
    return dict(getattr(value, "__dict__", {}).get(_FAILURES, {}))


def _values(spec: Any) -> Any:
    """Return Values for a shape; lists of shapes become lists of Values."""
    if isinstance(spec, Values):
        return spec
    if isinstance(spec, list):
        return [_values(one) for one in spec]
    if isinstance(spec, tuple) and all(size is None or (isinstance(size, int) and size >= 0) for size in spec):
        return Values(spec)
    raise ArgumentError(
        f"example({spec!r}): expected a shape, for example (8,), or Values((8,), high=10, dtype='int64').\n"
        "  Arguments of the constructor are keywords:  @ck.example((8,), units=4)"
    )
