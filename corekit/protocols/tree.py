"""Lists, tuples and dicts of values, walked in order: what layers, models and losses accept where one value would do.

Why not `torch.utils._pytree`: it is private, and these few lines are all that is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any


def leaves(structure: Any) -> Iterator[Any]:
    """Give the values of nested lists, tuples and dicts, in order.

    Example:
        >>> list(leaves([1, (2, {"a": 3})]))
        [1, 2, 3]
    """
    return iter(_flat(structure))  # a list and no generator: torch.compile cannot trace a generator


def _flat(structure: Any) -> list[Any]:
    if isinstance(structure, dict):
        structure = list(structure.values())
    if not isinstance(structure, (list, tuple)):
        return [structure]
    found: list[Any] = []
    for item in structure:
        found += _flat(item)
    return found


def map_tree(function: Callable[..., Any], structure: Any, *others: Any) -> Any:
    """Return a structure of the same form with `function` of each value (and of the values at its place in others).

    Example:
        >>> map_tree(lambda a, b: a + b, {"x": (1, 2)}, {"x": (10, 20)})
        {'x': (11, 22)}
    """
    if isinstance(structure, (list, tuple)):
        if others:
            mapped = [map_tree(function, *items) for items in zip(structure, *others, strict=True)]
        else:
            mapped = [map_tree(function, item) for item in structure]
        if isinstance(structure, tuple):
            return type(structure)(*mapped) if hasattr(structure, "_fields") else tuple(mapped)
        return mapped
    if isinstance(structure, dict):
        return {key: map_tree(function, value, *(o[key] for o in others)) for key, value in structure.items()}
    return function(structure, *others)
