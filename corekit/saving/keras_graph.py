"""How the layers of a drawn Keras model are joined: its calls in an order that works, and what they are given."""

from __future__ import annotations

import heapq
import warnings
from collections.abc import Callable, Iterator
from typing import Any

from corekit.errors import LoadError
from corekit.protocols.symbolic import Symbolic
from corekit.protocols.tree import leaves

TENSOR = "__keras_tensor__"
Outputs = dict[str, list[list[Any]]]
"""Layer -> the tensors that each of its calls gave."""


def draw(calls: dict[str, Callable[..., Any]], nodes: dict[str, list[Any]], outputs: Outputs, decode: Any) -> None:
    """Make the calls of a model, each as soon as its inputs are there, and note what they give.

    Args:
        calls: layer -> what to call, in the order of the file.
        nodes: layer -> its calls, as the file has them.
        outputs: what the inputs give; what the calls give is added.
        decode: from a value in the file to the value.

    Raises:
        LoadError: a call needs a tensor that nothing gives.
    """
    names = list(calls)
    rank = {name: position for position, name in enumerate(names)}
    waiting_for: dict[tuple[str, int], set[tuple[str, int]]] = {}
    wanted_by: dict[tuple[str, int], list[tuple[str, int]]] = {}
    ready: list[tuple[int, int]] = []
    for name in names:
        for index, node in enumerate(nodes[name]):
            needs = {(source, number) for source, number, _ in _histories(node)}
            needs |= {(name, index - 1)} if index else set()
            needs = {(s, number) for s, number in needs if number >= len(outputs.get(s, ()))}
            waiting_for[name, index] = needs
            for need in needs:
                wanted_by.setdefault(need, []).append((name, index))
            if not needs:
                heapq.heappush(ready, (rank[name], index))
    while ready:
        position, index = heapq.heappop(ready)
        name = names[position]
        _call(name, calls[name], nodes[name][index], outputs, decode)
        del waiting_for[name, index]
        for follower in wanted_by.get((name, index), ()):
            waiting_for[follower].discard((name, index))
            if not waiting_for[follower]:
                heapq.heappush(ready, (rank[follower[0]], follower[1]))
    if waiting_for:
        name, index = next(iter(waiting_for))
        source = min(waiting_for[name, index])[0]
        raise LoadError(
            f'call {index + 1} of "{name}" needs a tensor of "{source}" that nothing gives: the graph has a loop or a '
            "gap.",
            code="bad-description",
        )


def pick(structure: Any, outputs: Outputs, is_model: Callable[[str], bool]) -> Any:
    """Return a structure of a model's inputs or outputs, each `[layer, call, number]` as its tensor."""
    if isinstance(structure, list) and len(structure) == 3 and isinstance(structure[0], str):
        name, call, number = structure
        return outputs[name][call - is_model(name)][number]  # a model has a call of its own, from when it was drawn
    if isinstance(structure, dict):
        return {key: pick(value, outputs, is_model) for key, value in structure.items()}
    return [pick(value, outputs, is_model) for value in structure]


def _call(name: str, call: Callable[..., Any], node: Any, outputs: Outputs, decode: Any) -> None:
    args, kwargs = _filled(node["args"], outputs, decode), _filled(node["kwargs"], outputs, decode)
    if kwargs.pop("training", None):
        warnings.warn(
            f'"{name}" was called with training=True, which a corekit model does not keep: predict, as in Keras, '
            "infers.  Write  model(x, training=True)  where you want it to train.",
            stacklevel=2,
        )
    kwargs = {key: value for key, value in kwargs.items() if value is not None}
    outputs.setdefault(name, []).append(list(leaves(call(*args, **kwargs))))


def _filled(value: Any, outputs: Outputs, decode: Any) -> Any:
    if isinstance(value, list):
        return [_filled(item, outputs, decode) for item in value]
    if isinstance(value, dict) and value.get("class_name") == TENSOR:
        name, call, number = value["config"]["keras_history"]
        return outputs[name][call][number]
    if isinstance(value, dict) and "class_name" not in value:
        return {key: _filled(item, outputs, decode) for key, item in value.items()}
    return decode(value)


def _histories(value: Any) -> Iterator[tuple[str, int, int]]:
    """Yield (layer, call, number) of each tensor that a call is given."""
    if isinstance(value, list):
        for item in value:
            yield from _histories(item)
    elif isinstance(value, dict):
        if value.get("class_name") == TENSOR:
            name, call, number = value["config"]["keras_history"]
            if not isinstance(name, str) or type(call) is not int or type(number) is not int or min(call, number) < 0:
                raise ValueError(f"{value['config']['keras_history']!r} is no place of a tensor")
            yield name, call, number
        else:
            for item in value.values():
                yield from _histories(item)


def operator_call(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that draws an operator; called directly, an argument that is no symbol could take it over."""

    def call(*args: Any, **kwargs: Any) -> Any:
        given = [tuple(item) if isinstance(item, list) else item for item in args]  # of x[:, 0], the file has a list
        symbol = next(value for value in leaves(given) if isinstance(value, Symbolic))
        return symbol.record(function, tuple(given), kwargs)

    return call
