"""Where the weights of a model lie in a Keras weights file.

Keras calls no weight by its name. A model's layers are counted by class in a certain order (`layers/dense`,
`layers/dense_1`), other layers lie under the attribute that holds them, and each has its weights under `vars`, by
number.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping

from torch import Tensor, nn

from corekit.model.graph import Graph
from corekit.model.model import Model
from corekit.model.running import Slot
from corekit.model.sequential import Sequential
from corekit.protocols.layer import Layer
from corekit.protocols.tree import leaves
from corekit.registry import registry
from corekit.registry.standard import OWNERS
from corekit.saving.keras_config import Rows
from corekit.saving.keras_names import LAYERS, KerasLayer, snake_case

_IGNORED = ("seed_generator", "metrics", "optimizer")


def places(model: Layer, rows: Rows | None = None) -> dict[str, str]:
    """Return name of a weight -> its path in a Keras weights file; a weight that such a file cannot hold is left out.

    Args:
        model: built.
        rows: the layers of each model in Keras's order, where a file told it; else it is worked out as Keras does.
    """
    names = {id(weight): name for name, weight in model.named_weights().items()}
    return {names[key]: path for key, path in _Places(rows or {}).of(model).items() if key in names}


def is_ignored(path: str) -> bool:
    """Return whether an array is no weight: a random generator's state, or what training kept."""
    return any(part in _IGNORED for part in path.split("/"))


class _Places:
    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._seen: set[int] = set()
        self._found: dict[int, str] = {}

    def of(self, model: Layer) -> dict[int, str]:
        """Return id of a weight -> its path."""
        self._visit(model, "")
        return self._found

    def _visit(self, layer: nn.Module, path: str) -> None:
        if id(layer) in self._seen:
            return
        self._seen.add(id(layer))
        if not isinstance(layer, Layer):
            return
        known = _known(type(layer))  # type: ignore[arg-type]  # mypy takes a class's __hash__ for its metaclass's
        own = list(_own_weights(layer))
        for number, (name, weight) in enumerate(own):
            place = known.weights.get(name) or known.own_weights.format(number)
            self._found.setdefault(id(weight), f"{path}{place}")
        if isinstance(layer, Model) and (layer.lists_layers or id(layer) in self._rows):
            self._row(self._rows.get(id(layer)) or _row(layer), f"{path}layers/")
            return
        for name, part in _attributes(layer):
            if isinstance(part, list):
                self._row(_by_class(part), f"{path}{name}/")
            else:
                self._visit(part, f"{path}{name}/")

    def _row(self, row: list[tuple[str, nn.Module]] | list[tuple[str, Layer]], path: str) -> None:
        counts: dict[str, int] = {}
        for cls, part in row:
            name = snake_case(cls)
            number = counts[name] = counts.get(name, -1) + 1
            self._visit(part, f"{path}{name}_{number}/" if number else f"{path}{name}/")


def _attributes(layer: Layer) -> list[tuple[str, nn.Module | list[nn.Module]]]:
    """Return what a layer holds, by attribute, in the order in which Keras looks: by name, private ones last.

    A model that computes by a `call` of its own has all its layers in one more attribute, called `layers`; what comes
    before it in the alphabet is found under its own name, the rest there.
    """
    found: list[tuple[str, nn.Module | list[nn.Module]]] = []
    for name, part in layer._modules.items():
        if part is not None:
            found.append((name, list(part.children()) if isinstance(part, (nn.ModuleList, nn.ModuleDict)) else part))
    if isinstance(layer, Model):
        held = [part if isinstance(part, list) else [part] for _, part in found]
        found.append(("layers", [one for parts in held for one in parts]))
    return sorted(found, key=lambda item: (item[0].startswith("_"), item[0]))


def _by_class(parts: list[nn.Module]) -> list[tuple[str, nn.Module]]:
    return [(type(part).__name__, part) for part in parts]


@functools.cache
def _known(cls: type) -> KerasLayer:
    """Return what is known of a class: that of a standard layer, not that of another class with its name."""
    component = registry.component_of("layers", cls)
    is_standard = component is not None and component.distribution == OWNERS["layers"].get(component.name)
    return LAYERS.get(component.name, KerasLayer()) if component is not None and is_standard else KerasLayer()


def _own_weights(layer: Layer) -> Iterator[tuple[str, Tensor]]:
    """Yield a layer's own weights in Keras's order: the trainable ones, then its state."""
    yield from layer.named_parameters(recurse=False)
    for name, buffer in layer.named_buffers(recurse=False):
        if name not in layer._non_persistent_buffers_set:
            yield name, buffer


def _row(model: Model) -> list[tuple[str, Layer]]:
    """Return (Keras's class, layer) of a model that no file described."""
    if isinstance(model, Sequential) or model.graph is None:
        parts = list({id(part): part for part in model.layers}.values())
    else:
        parts = _in_keras_order(model.graph)
    return [("Functional" if type(part) is Model and part.graph is not None else type(part).__name__, part)
            for part in parts]  # fmt: skip


def _in_keras_order(graph: Graph) -> list[Layer]:
    """Return the layers of a drawn model in the order in which Keras keeps them.

    They are sorted by their depth (the largest number of calls from one of theirs to an output), the deepest first;
    at one depth by when they are met on the way back from the outputs.
    """
    maker = {slot.index: number for number, step in enumerate(graph.steps) for slot in leaves(step.outputs)}
    parents = [[maker[slot.index] for slot in leaves((step.args, step.kwargs))
                if isinstance(slot, Slot) and slot.index in maker] for step in graph.steps]  # fmt: skip
    met, order = _way_back(graph, [maker[s.index] for s in leaves(graph.outputs) if s.index in maker], parents)
    depths: dict[int, int] = {}
    deepest: dict[int, int] = {}
    for number in reversed(order):
        key = id(graph.steps[number].operation)
        depth = deepest[key] = max(depths.get(number, 0), deepest.get(key, 0))
        for parent in parents[number]:
            depths[parent] = max(depth + 1, depths.get(parent, 0))
    layers = graph.layers()
    return sorted(layers, key=lambda layer: (-deepest[id(layer)], met[id(layer)]))


def _way_back(graph: Graph, outputs: list[int], parents: list[list[int]]) -> tuple[Mapping[int, int], list[int]]:
    """Return id of an operation -> when it is first met, and the calls in the order in which they are finished."""
    met: dict[int, int] = {}
    finished: dict[int, None] = {}
    waiting = [(number, False) for number in reversed(outputs)]
    while waiting:
        number, is_done = waiting.pop()
        if is_done:
            finished[number] = None
        elif number not in finished:
            met.setdefault(id(graph.steps[number].operation), len(met))
            waiting.append((number, True))
            waiting += [(parent, False) for parent in reversed(parents[number])]
    return met, list(finished)
