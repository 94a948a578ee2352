"""A model as JSON-ready data. Parts are named by registry ids; nothing here can name code.

A value is JSON, or a dict with one "$" key that says what else it is: `{"$tuple": [...]}`, `{"$dtype": "float32"}`,
`{"$component": ["activations", "corekit-layers-basic:relu"]}`, `{"$slot": 3}` (a value of a drawn graph) and so on.
`corekit.model.construction` reads it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from corekit.errors import SaveError
from corekit.model.graph import OPERATORS, Graph
from corekit.model.ids import MOST_LAYERS, count_layers
from corekit.model.model import Model
from corekit.model.placeholder import Placeholder, described
from corekit.model.running import Slot, Step
from corekit.model.sequential import Sequential
from corekit.model.wrap import FunctionLayer, TorchLayer
from corekit.protocols.configurable import Configurable
from corekit.protocols.dtype import dtype_name
from corekit.protocols.layer import Layer
from corekit.protocols.op import Op
from corekit.protocols.schema import misfit
from corekit.protocols.tree import leaves
from corekit.registry import KINDS, registry
from corekit.registry.component import LOCAL

LARGEST_ARRAY = 10_000  # elements; an array that is larger is data, which belongs into a weight
CORE_CLASSES = (Sequential, Model)
IN_MODELS = tuple(kind for kind in KINDS if kind != "callbacks")
"""The kinds of which a model may be made. Callbacks watch a training, and some write files."""
_KIND_OF = {
    "activation": "activations", "initializer": "initializers", "regularizer": "regularizers",
    "constraint": "constraints", "loss": "losses", "metric": "metrics", "optimizer": "optimizers",
}  # fmt: skip
"""What kind an argument wants that has this word in its name."""


def describe(layer: Layer) -> dict[str, Any]:
    """Return a layer or model as data.

    Raises:
        SaveError: a part that no registry id names, with the line that gives it one.
    """
    record = _Description().layer(layer)
    if (count := count_layers(record)) > MOST_LAYERS:
        raise SaveError(f'"{layer.name}" has {count:,} layers; a model file describes at most {MOST_LAYERS:,}.')
    return record


def encode(value: Any, where: str) -> Any:
    """Return a value that is not of one layer as data: an argument of `compile`, a setting of an optimizer.

    Raises:
        SaveError: as `describe`.
    """
    return _Description().value(value, where)


class _Description:
    """Writes layers down, each of them once: one that is met again is written as its number."""

    def __init__(self) -> None:
        self._numbers: dict[int, int] = {}

    def layer(self, layer: Layer) -> dict[str, Any]:
        if id(layer) in self._numbers:
            return {"type": "shared", "number": self._numbers[id(layer)]}
        if isinstance(layer, Placeholder):
            return described(layer, lambda part: self._numbers.setdefault(id(part), len(self._numbers)))
        number = self._numbers.setdefault(id(layer), len(self._numbers))
        record: dict[str, Any] = {"number": number, "name": layer.name, "trainable": layer.trainable}
        if layer._policy is not None:
            record["dtype_policy"] = layer._policy.name
        record["named_by_model"] = layer._name is None or layer._named_by_model
        if type(layer) not in CORE_CLASSES:
            record["id"] = _id_of("layers", layer, layer.name)
        if isinstance(layer, Sequential) and layer.lists_layers:
            return {**record, "type": "sequential", **self._row(layer)}
        if isinstance(layer, Model) and layer.lists_layers and layer.graph is not None:
            return {**record, "type": "functional", **self._graph(layer, layer.graph)}
        return {**record, "type": "component", **self._component(layer, record.get("id", ""))}

    def _component(self, layer: Layer, id: str) -> dict[str, Any]:
        inner = [(path, part) for path, part in layer.named_modules() if isinstance(part, Layer) and part is not layer]
        arguments = layer.get_config()
        _check_config(type(layer), id, arguments, layer.name)
        config = self.value(arguments, layer.name)
        return {
            "config": config,
            **names_in(config, layer.name),
            "inputs": self.value(layer.first_inputs, layer.name),
            "built_with": self.value(layer.built_with, layer.name),
            "frozen": [path for path, part in inner if not part.trainable],
            "policies": {path: part._policy.name for path, part in inner if part._policy is not None},
        }

    def _parts(self, model: Model, parts: list[Layer]) -> list[Any]:
        """Return (name within the model, description) of each layer."""
        return [[model.name_of(part), self.layer(part)] for part in parts]

    def _row(self, model: Sequential) -> dict[str, Any]:
        given = model._input
        return {
            "layers": self._parts(model, list({id(part): part for part in model.layers}.values())),
            "row": [model.name_of(part) for part in model.layers],
            "input": None if given is None else _spec(given.shape, given.dtype, given.name),
            "drawn": model.graph is not None,
            "gives": [] if model.graph is None else [_given(model.graph, step) for step in model.graph.steps],
        }

    def _graph(self, model: Model, drawn: Graph) -> dict[str, Any]:
        steps = []
        for step in drawn.steps:
            operation, where = step.operation, model.name
            if isinstance(operation, Layer):
                call = {"layer": model.name_of(operation)}
            elif isinstance(operation, Op):
                call = {"op": _id_of("ops", operation.function, where)}
            else:
                call = {"operator": next(name for name, function in OPERATORS.items() if function is operation)}
            given = {"args": self.value(list(step.args), where), "kwargs": self.value(step.kwargs, where)}
            outputs = {"outputs": self.value(step.outputs, where), "gives": _given(drawn, step)}
            steps.append({**call, **given, **outputs})
        inputs = [drawn.specs[slot.index] for slot in leaves(drawn.inputs)]
        return {
            "layers": self._parts(model, drawn.layers()),
            "steps": steps,
            "input_specs": [
                _spec(spec.shape, spec.dtype, name) for spec, name in zip(inputs, drawn.input_names, strict=True)
            ],
            "inputs": self.value(drawn.inputs, model.name),
            "outputs": self.value(drawn.outputs, model.name),
        }

    def value(self, value: Any, where: str) -> Any:
        """Return a constructor argument as data; `where` names the part in errors."""
        if value is None or isinstance(value, (bool, int, str)):
            return value
        if isinstance(value, (float, np.floating)):
            number = float(value)
            return number if math.isfinite(number) else {"$float": repr(number)}
        if isinstance(value, (np.integer, np.bool_)):
            return value.item()
        if isinstance(value, list):
            return [self.value(item, where) for item in value]
        if isinstance(value, tuple):
            return {"$tuple": [self.value(item, where) for item in value]}
        if isinstance(value, dict) and all(isinstance(key, str) and not key.startswith("$") for key in value):
            return {key: self.value(item, where) for key, item in value.items()}
        if isinstance(value, torch.dtype):
            return {"$dtype": dtype_name(value)}
        if isinstance(value, (np.ndarray, Tensor)):
            return self._array(value, where)
        if isinstance(value, Slot):
            return {"$slot": value.index}
        if isinstance(value, slice):
            return {"$slice": [self.value(end, where) for end in (value.start, value.stop, value.step)]}
        if value is Ellipsis:
            return {"$ellipsis": True}
        if isinstance(value, Layer):
            return {"$layer": self.layer(value)}
        return self._of_registry(value, where)

    def _array(self, value: Any, where: str) -> dict[str, Any]:
        tensor = value.detach().cpu() if isinstance(value, Tensor) else None
        array = value if tensor is None else (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()
        if array.size > LARGEST_ARRAY or array.dtype.kind not in "fiub":
            raise SaveError(
                f'"{where}" holds an array of {array.size:,} {array.dtype} values among its arguments; a file takes '
                f"numbers, at most {LARGEST_ARRAY:,}.\n  Keep it in a weight:  self.add_weight(..., trainable=False)."
            )
        numbers = self.value(array.reshape(-1).tolist(), where)
        if tensor is None:
            return {"$array": [array.dtype.name, list(array.shape), numbers]}
        return {"$tensor": [dtype_name(tensor.dtype), list(array.shape), numbers]}

    def _of_registry(self, value: Any, where: str) -> dict[str, Any]:
        named = value if callable(value) and hasattr(value, "__qualname__") else type(value)
        for kind in IN_MODELS:
            component = registry.component_of(kind, named)
            if component is not None and named is value:
                return {"$component": [kind, component.id]}
            if component is not None and isinstance(value, Configurable):
                config = value.get_config()
                _check_config(named, component.id, config, where)
                return {"$component": [kind, component.id], "config": self.value(config, where)}
        name = getattr(named, "__name__", repr(value))
        raise SaveError(
            f'"{where}" holds {value!r:.80}, which a model file cannot describe: no installed distribution has it.\n'
            f"  If {name} is yours, write  @corekit.register  above it; if it is a constant, use numbers or strings."
        )


def misfit_of(cls: type, id: str, config: dict[str, Any]) -> str | None:
    """Return what of a configuration a component does not take; a program's own classes may be annotated anyhow."""
    return None if id.startswith(f"{LOCAL}:") else misfit(cls, config)


def _check_config(cls: type, id: str, config: dict[str, Any], where: str) -> None:
    """Raise where a reader would refuse the arguments: they are not what the constructor's annotations say."""
    if fault := misfit_of(cls, id, config):
        raise SaveError(
            f'"{where}" could not be read back: {fault}\n'
            f"  Give {cls.__name__} what its annotations say; where they are wrong, its author must mend them."
        )


def names_in(config: dict[str, Any], where: str) -> dict[str, Any]:
    """Return what the names of components among a layer's arguments mean here: kind -> name -> id.

    Asked for are the names that were looked up in this program. An argument that says its kind (`kernel_initializer`)
    is asked for that alone: else what a file holds would depend on what else the program did.
    """
    names: dict[str, dict[str, str]] = {}
    for argument, value in config.items():
        said = [kind for word, kind in _KIND_OF.items() if word in argument]
        for word in _words({argument: value}):
            for kind in said or IN_MODELS:
                ids = registry.meanings.get((kind, word), ())
                if len(ids) > 1:
                    raise SaveError(
                        f'"{where}" has {word!r} among its arguments, and that meant several parts in this program: '
                        f"{', '.join(sorted(ids))}.\n  Give the layer the object instead of its name."
                    )
                for id in ids:
                    names.setdefault(kind, {})[word] = id
    return {"names": names} if names else {}


def _words(value: Any) -> Iterator[str]:
    """Yield the texts among encoded values, without those of layers, which have names of their own."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, dict)):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            if key not in ("$layer", "$component", "name"):
                yield from _words(item)


def _given(drawn: Graph, step: Step) -> list[Any]:
    """Return shape and dtype of each tensor that a step gives: for readers that lack its layer, or all of torch."""
    specs = [drawn.specs[slot.index] for slot in leaves(step.outputs)]
    return [[list(spec.shape), dtype_name(spec.dtype)] for spec in specs]


def _spec(shape: Any, dtype: torch.dtype, name: str) -> list[Any]:
    return [list(shape), dtype_name(dtype), name]


def _id_of(kind: str, value: Any, where: str) -> str:
    if type(value) is FunctionLayer:
        raise SaveError(
            f'"{where}" is a function in a layer; a model file holds no code, so it cannot be saved.\n'
            "  Write a class:  @corekit.register  class MyLayer(corekit.Layer): def call(self, inputs): ..."
        )
    cls = value if kind == "ops" else getattr(type(value), "wrapped_class", type(value))
    if type(value) is TorchLayer:
        cls = type(value.module)
    component = registry.component_of(kind, cls)
    if component is not None and type(value) is not TorchLayer:
        return component.id
    if isinstance(value, TorchLayer):
        raise SaveError(
            f'"{where}" is a torch module ({cls.__name__}) made outside corekit, so its arguments are not known and it '
            "cannot be saved.\n"
            f"  Write a class:  @corekit.register  class My{cls.__name__}(corekit.Layer), that makes the module in "
            "__init__ and calls it in call."
        )
    raise SaveError(
        f'"{where}" is of class {cls.__name__}, which is not registered: a loader could not find it by name.\n'
        f"  Write  @corekit.register  above  class {cls.__name__},  and import that module before load_model."
    )
