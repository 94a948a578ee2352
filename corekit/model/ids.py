"""Which parts a description of a model names. Knows no torch: `corekit inspect` asks it, too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

MOST_LAYERS = 2**14
"""That a description lists, shared ones each time."""


def named_ids(record: Any) -> Iterator[tuple[str, str]]:
    """Yield (kind, id) of every component that a description names; what is malformed is passed over."""
    if not isinstance(record, Mapping):
        return
    if isinstance(record.get("id"), str):
        yield "layers", record["id"]
    for part in _parts(record):
        yield from named_ids(part)
    for step in _list(record.get("steps")):
        if isinstance(step, Mapping) and isinstance(step.get("op"), str):
            yield "ops", step["op"]
        yield from _ids_in(step)
    for key in ("config", "inputs", "built_with"):
        yield from _ids_in(record.get(key))


def count_layers(record: Any) -> int:
    """Return how many layers a description lists, shared ones each time; what is malformed counts nothing."""
    count, left = 0, [record]
    while left:
        one = left.pop()
        count += 1
        left += _parts(one) if isinstance(one, Mapping) else []
    return count


def _parts(record: Mapping[str, Any]) -> list[Any]:
    """Return the descriptions of a model's layers."""
    return [pair[1] for pair in _list(record.get("layers")) if isinstance(pair, list) and len(pair) == 2]


def _ids_in(value: Any) -> Iterator[tuple[str, str]]:
    """Yield (kind, id) of the components among encoded values, each looked at once however deep they are nested."""
    if isinstance(value, list):
        for item in value:
            yield from _ids_in(item)
    elif isinstance(value, Mapping):
        named = value.get("$component")
        if isinstance(named, list) and len(named) == 2 and all(isinstance(word, str) for word in named):
            yield named[0], named[1]
        for key, item in value.items():
            yield from named_ids(item) if key == "$layer" else _ids_in(item)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
