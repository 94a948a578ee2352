"""Which parts a description of a model names. Knows no torch: `corekit inspect` asks it, too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

MOST_LAYERS = 2**14
"""That a description lists, shared ones each time."""


def named_ids(record: Any) -> Iterator[tuple[str, str]]:
    """Yield (kind, id) of every component that a description names; what is malformed is passed over."""
    for one in _records(record):
        if isinstance(one.get("id"), str):
            yield "layers", one["id"]
        for step in _list(one.get("steps")):
            if isinstance(step, dict) and isinstance(step.get("op"), str):
                yield "ops", step["op"]
        for kind, _, id in _meanings_of(one):
            yield kind, id
        for value in _values(one):
            named = value.get("$component")
            if isinstance(named, list) and len(named) == 2 and all(isinstance(word, str) for word in named):
                yield named[0], named[1]


def meanings(record: Any) -> Iterator[tuple[str, str, str]]:
    """Yield (kind, name, id) of each name among the arguments of layers: what it meant where the model was saved."""
    for one in _records(record):
        yield from _meanings_of(one)


def claimed_versions(requires: Any) -> dict[str, str]:
    """Return which distributions a file says it was saved with, and in which versions; what is malformed says none."""
    return {str(name): str(version) for name, version in requires.items()} if isinstance(requires, dict) else {}


def optimizer_arrays(training: Any) -> Iterator[tuple[str, str, str]]:
    """Yield weight, key and the tensor's name of each array in the optimizer's state that a file describes."""
    state = training.get("state") if isinstance(training, dict) else None
    values = state.get("values") if isinstance(state, dict) else None
    for weight, held in values.items() if isinstance(values, dict) else ():
        for key, value in held.items() if isinstance(held, dict) else ():
            if isinstance(value, dict) and isinstance(value.get("$stored"), str):
                yield weight, key, value["$stored"]


def count_layers(record: Any) -> int:
    """Return how many layers a description lists, shared ones each time; what is malformed counts nothing."""
    count, left = 0, [record]
    while left:
        one = left.pop()
        count += 1
        left += _parts(one) if isinstance(one, dict) else []
    return count


def _records(record: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the description of each layer: the layer's own, of those in it, and of those among its arguments."""
    left = [record]
    while left:
        one = left.pop()
        if isinstance(one, dict):
            yield one
            left += [*_parts(one), *(value["$layer"] for value in _values(one) if "$layer" in value)]


def _parts(record: Mapping[str, Any]) -> list[Any]:
    """Return the descriptions of a model's layers."""
    return [pair[1] for pair in _list(record.get("layers")) if isinstance(pair, list) and len(pair) == 2]


def _values(record: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield each object among the encoded values of one layer, without those of the layers that are values."""
    left = [record.get(key) for key in ("config", "inputs", "built_with", "steps")]
    while left:
        value = left.pop()
        if isinstance(value, list):
            left += value
        elif isinstance(value, dict):
            yield value
            left += [item for key, item in value.items() if key != "$layer"]


def _meanings_of(record: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    names = record.get("names")
    for kind, means in names.items() if isinstance(names, dict) else ():
        for name, id in means.items() if isinstance(means, dict) else ():
            if isinstance(id, str):
                yield kind, name, id


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
