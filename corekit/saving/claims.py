"""What a model file says of itself, for `corekit inspect`: read without torch and without any plugin.

A file is a stranger's word. Nothing here is looked up but whether a distribution of a name is installed; what is shown
is printable, short, and may be wrong.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from corekit.model.ids import optimizer_arrays
from corekit.saving.format import DTYPE_SIZES, Contents, StoredTensor

SHOWN = 80  # characters of a word of the file


class Line(NamedTuple):
    """A layer of the model, or a call between layers.

    Args:
        depth: how many models it is inside of.
        name: within its model.
        what: the id of its class, of an op, or an operator.
        gives: the shapes of its outputs, where the file has them.
        parameters: how many numbers its weights hold; a layer that is called again counts once.
    """

    depth: int
    name: str
    what: str
    gives: str
    parameters: int


def lines(contents: Contents) -> list[Line]:
    """Return a line for each layer, in the order of use."""
    counts = {name: math.prod(tensor.shape) for name, tensor in contents.tensors.items()}
    return list(_lines(_dict(contents.metadata.get("architecture")), counts, "", 0))


def size(contents: Contents) -> tuple[int, int]:
    """Return how many numbers and how many bytes the weights have."""
    state = {name for _, _, name in optimizer_arrays(contents.metadata.get("training"))}
    return _size(one for name, one in contents.tensors.items() if name not in state)


def training(contents: Contents) -> dict[str, Any] | None:
    """Return what optimizer the model was compiled with, and how much of its state is there; None if it was not."""
    described = contents.metadata.get("training")
    if not isinstance(described, dict):
        return None
    named = _list(_dict(_dict(described.get("config")).get("optimizer")).get("$component"))
    state = {name for _, _, name in optimizer_arrays(described)}
    numbers, size = _size(one for name, one in contents.tensors.items() if name in state)
    optimizer = safe(named[1]) if len(named) == 2 else ""
    return {"optimizer": optimizer, "has_state": "state" in described, "parameters": numbers, "bytes": size}


def _size(tensors: Iterable[StoredTensor]) -> tuple[int, int]:
    counts = [(math.prod(one.shape), DTYPE_SIZES[one.dtype]) for one in tensors]
    return sum(count for count, _ in counts), sum(count * width for count, width in counts)


def safe(text: Any) -> str:
    """Return a word of the file so that it cannot move a cursor, fill a screen, or pass for another.

    Example:
        >>> safe("Dense\\x1b[2J")
        'Dense\\\\x1b[2J'
    """
    word = str(text)
    word = word if len(word) <= SHOWN else word[: SHOWN - 3] + "..."
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in word)


def _lines(record: dict[str, Any], counts: dict[str, int], path: str, depth: int) -> Iterator[Line]:
    parts = {name: part for name, part in map(_pair, _list(record.get("layers"))) if name}
    if not parts:
        what = safe(record.get("id", record.get("type", "?")))
        yield Line(depth, safe(record.get("name", "?")), what, "", _count(counts, path))
        return
    seen: set[str] = set()
    for name, what, given in _calls(record):
        part = parts.get(name)
        again = name in seen
        seen.add(name)
        if part is None:
            yield Line(depth, "", safe(what), _shapes(given), 0)
        elif _list(part.get("layers")) and not again:
            yield Line(depth, safe(name), safe(part.get("id", part.get("type"))), _shapes(given), 0)
            yield from _lines(part, counts, f"{path}{name}.", depth + 1)
        else:
            count = 0 if again else _count(counts, f"{path}{name}.")
            yield Line(depth, safe(name), safe(part.get("id", part.get("type"))), _shapes(given), count)


def _calls(record: dict[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Yield name, what is called and what it gives, of a row or a graph."""
    gives = _list(record.get("gives"))
    for number, name in enumerate(_list(record.get("row"))):
        yield str(name), "", gives[number] if number < len(gives) else None
    for step in map(_dict, _list(record.get("steps"))):
        yield str(step.get("layer", "")), str(step.get("op", step.get("operator", "?"))), step.get("gives")


def _shapes(gives: Any) -> str:
    """Return shapes as summaries write them: (batch, 10)."""
    found = []
    for spec in _list(gives):
        sizes = _list(spec[0]) if isinstance(spec, list) and spec else []
        words = ["batch" if not axis and n is None else "?" if n is None else safe(n) for axis, n in enumerate(sizes)]
        found.append(f"({', '.join(words)}{',' if len(words) == 1 else ''})")
    return safe(", ".join(found))


def _count(counts: dict[str, int], path: str) -> int:
    return sum(count for name, count in counts.items() if name.startswith(path))


def _pair(value: Any) -> tuple[str, dict[str, Any]]:
    return (str(value[0]), _dict(value[1])) if isinstance(value, list) and len(value) == 2 else ("", {})


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
