"""What a torch custom op computes, in plain torch: what an exported file has in its place, so that it needs no plugin.

Why a table of our own, and not torch's decompositions: torch would put those to use in `torch.compile` too, where an op
that is registered to stay whole must stay whole.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

from corekit.errors import ArgumentError

Function = TypeVar("Function", bound=Callable[..., Any])

_NAME = re.compile(r"[A-Za-z_]\w*::[A-Za-z_]\w*")
_references: dict[str, Callable[..., Any]] = {}


def reference(op: str) -> Callable[[Function], Function]:
    """Say, above a function of tensors, that it is what a torch custom op computes. It is returned as it is.

    `model.export` writes the reference in the op's place. It must take the op's arguments, use plain torch, look at no
    values, and return new tensors; it needs no gradient.

    Args:
        op: the op's name in torch, "namespace::name"; it may be registered later.

    Raises:
        ArgumentError: that is no such name, or another function is its reference already.

    Example:
        >>> @reference("my_plugin::twice")
        ... def twice_reference(x):
        ...     return x + x
        >>> reference_of("my_plugin::twice") is twice_reference
        True
    """
    if not (isinstance(op, str) and _NAME.fullmatch(op)):
        raise ArgumentError(
            f'reference({op!r}): expected the name of a torch op, such as  @corekit.reference("my_plugin::my_op").'
        )

    def note(function: Function) -> Function:
        known = _references.setdefault(op, function)
        if _place_of(known) != _place_of(function):
            raise ArgumentError(
                f"{_place_of(function)} cannot be the reference of {op}: {_place_of(known)} is. "
                "Give your op a namespace of its own."
            )
        _references[op] = function  # the same function once more, of a module that was reloaded
        return function

    return note


def reference_of(op: str) -> Callable[..., Any] | None:
    """Return the reference of the op "namespace::name", or None."""
    return _references.get(op)


def _place_of(function: Callable[..., Any]) -> str:
    return f"{getattr(function, '__module__', '')}.{getattr(function, '__qualname__', repr(function))}"
