"""A model as JSON-ready data and back. Parts are named by registry ids; nothing here can name code.

A value is JSON, or a dict with one "$" key that says what else it is: `{"$tuple": [...]}`, `{"$dtype": "float32"}`,
`{"$component": ["activations", "corekit-layers-basic:relu"]}`, `{"$slot": 3}` (a value of a drawn graph) and so on.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from corekit.errors import CorekitError, LoadError, SaveError, UnknownNameError
from corekit.model import graph
from corekit.model.graph import OPERATORS, Graph, Slot
from corekit.model.inference import infer
from corekit.model.model import Model
from corekit.model.sequential import Sequential
from corekit.model.wrap import FunctionLayer, TorchLayer, layer_class
from corekit.protocols.configurable import Configurable
from corekit.protocols.dtype import as_dtype, dtype_name
from corekit.protocols.layer import Layer
from corekit.protocols.op import Op
from corekit.registry import KINDS, registry

LARGEST_ARRAY = 10_000  # elements; an array that is larger is data, which belongs into a weight
CORE_CLASSES = (Sequential, Model)


# To data


def describe(layer: Layer) -> dict[str, Any]:
    """Return a layer or model as data.

    Raises:
        SaveError: a part that no registry id names, with the line that gives it one.
    """
    if isinstance(layer, Sequential):
        record = {"type": "sequential", "layers": [describe(part) for part in _unique(layer)], **_row_of(layer)}
    elif isinstance(layer, Model) and layer.graph is not None:
        record = {"type": "functional", **_describe_graph(layer, layer.graph)}
    else:
        record = {"type": "component", "config": _config_of(layer), "inputs": encode(layer.first_inputs, layer.name)}
    if type(layer) not in CORE_CLASSES:
        record["id"] = _id_of("layers", layer, layer.name)
    return {**record, "name": layer.name, "trainable": layer.trainable}


def _unique(model: Sequential) -> list[Layer]:
    return [part for part in model._modules.values() if isinstance(part, Layer)]


def _row_of(model: Sequential) -> dict[str, Any]:
    given = model._input
    spec = None if given is None else [list(given.shape), dtype_name(given.dtype), given.name]
    return {"row": [part.name for part in model.layers], "input": spec}


def _describe_graph(model: Model, drawn: Graph) -> dict[str, Any]:
    steps = []
    for step in drawn.steps:
        operation = step.operation
        if isinstance(operation, Layer):
            call = {"layer": operation.name}
        elif isinstance(operation, Op):
            call = {"op": _id_of("ops", operation.function, model.name)}
        else:
            call = {"operator": next(name for name, function in OPERATORS.items() if function is operation)}
        given = {"args": encode(list(step.args), model.name), "kwargs": encode(step.kwargs, model.name)}
        steps.append({**call, **given, "outputs": encode(step.outputs, model.name)})
    inputs = [drawn.specs[slot.index] for slot in graph.leaves(drawn.inputs)]
    return {
        "layers": [describe(part) for part in drawn.layers()],
        "steps": steps,
        "input_specs": [
            [list(spec.shape), dtype_name(spec.dtype), name]
            for spec, name in zip(inputs, drawn.input_names, strict=True)
        ],
        "inputs": encode(drawn.inputs, model.name),
        "outputs": encode(drawn.outputs, model.name),
    }


def _config_of(layer: Layer) -> Any:
    config = layer.get_config()
    return encode({key: value for key, value in config.items() if key not in ("name", "trainable")}, layer.name)


def encode(value: Any, where: str) -> Any:
    """Return a constructor argument as data; `where` names the part in errors."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else {"$float": repr(float(value))}
    if isinstance(value, np.integer):
        return int(value)
    if isinstance(value, list):
        return [encode(item, where) for item in value]
    if isinstance(value, tuple):
        return {"$tuple": [encode(item, where) for item in value]}
    if isinstance(value, dict) and all(isinstance(key, str) and not key.startswith("$") for key in value):
        return {key: encode(item, where) for key, item in value.items()}
    if isinstance(value, torch.dtype):
        return {"$dtype": dtype_name(value)}
    if isinstance(value, (np.ndarray, Tensor)):
        return {"$array": _array(value, where)}
    if isinstance(value, Slot):
        return {"$slot": value.index}
    if isinstance(value, slice):
        return {"$slice": [encode(end, where) for end in (value.start, value.stop, value.step)]}
    if value is Ellipsis:
        return {"$ellipsis": True}
    if isinstance(value, Layer):
        return {"$layer": describe(value)}
    return _encode_component(value, where)


def _array(value: Any, where: str) -> list[Any]:
    array = value.detach().cpu().numpy() if isinstance(value, Tensor) else value
    if array.size > LARGEST_ARRAY or array.dtype.kind not in "fiub":
        raise SaveError(
            f'"{where}" holds an array of {array.size:,} {array.dtype} values among its arguments; a file takes numbers, '
            f"at most {LARGEST_ARRAY:,}.\n  Keep it in a weight:  self.add_weight(..., trainable=False)."
        )
    return [array.dtype.name, list(array.shape), array.reshape(-1).tolist()]


def _encode_component(value: Any, where: str) -> Any:
    named = value if callable(value) and hasattr(value, "__qualname__") else type(value)
    for kind in KINDS:
        component = registry.component_of(kind, named)
        if component is not None and named is value:
            return {"$component": [kind, component.id]}
        if component is not None and isinstance(value, Configurable):
            return {"$component": [kind, component.id], "config": encode(value.get_config(), where)}
    name = getattr(named, "__name__", repr(value))
    raise SaveError(
        f'"{where}" holds {value!r:.80}, which a model file cannot describe: no installed distribution has it.\n'
        f"  If {name} is yours, write  @corekit.register  above it; if it is a constant, use numbers or strings."
    )


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


# From data


def construct(record: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Layer:
    """Make the layer or model that `describe` described, with new weights.

    Args:
        record: what `describe` returned.
        custom_objects: classes by name, for ids `local:Name` that this program has not registered.

    Raises:
        LoadError: the data is not what `describe` writes, or names what is not installed.
    """
    missing = sorted({problem for kind, id in named_ids(record) if (problem := _missing(kind, id, custom_objects))})
    if missing:
        raise LoadError(
            f"the model needs {len(missing)} parts that are not here:\n  " + "\n  ".join(missing), code="missing-part"
        )
    return _Builder(custom_objects or {}).layer(record)


def named_ids(value: Any) -> Iterator[tuple[str, str]]:
    """Yield (kind, id) of every component that a description names."""
    if isinstance(value, Mapping):
        if "$component" in value:
            kind, name = value["$component"]
            yield str(kind), str(name)
        for key, kind in (("id", "layers"), ("op", "ops")):
            if isinstance(value.get(key), str) and ("type" in value or key == "op"):
                yield kind, value[key]
        for item in value.values():
            yield from named_ids(item)
    elif isinstance(value, list):
        for item in value:
            yield from named_ids(item)


def _missing(kind: str, name: str, custom_objects: Mapping[str, Any] | None) -> str | None:
    if custom_objects and name.removeprefix("local:") in custom_objects:
        return None
    try:
        registry.find(kind, name)
    except CorekitError as error:
        return str(error) if isinstance(error, UnknownNameError) else f"{kind} {name!r}: {error}"
    return None


class _Builder:
    """Makes layers from descriptions; one for each file."""

    def __init__(self, custom_objects: Mapping[str, Any]) -> None:
        self._custom = custom_objects

    def layer(self, record: Mapping[str, Any]) -> Layer:
        try:
            make: Callable[[Any, Any], Layer] = {
                "sequential": self._sequential,
                "functional": self._functional,
                "component": self._component,
            }[record["type"]]
            cls = layer_class(self._find("layers", record["id"]), record["id"]) if "id" in record else None
            made = make(record, cls)
        except (KeyError, TypeError, IndexError, AttributeError) as error:
            raise LoadError(
                f"the description of {record.get('name', 'a layer')!r} cannot be read: {type(error).__name__}: {error}",
                code="bad-description",
            ) from error
        made.name = record["name"]
        if not record["trainable"]:
            made.trainable = False
        return made

    def _sequential(self, record: Any, cls: Any) -> Layer:
        parts = {part["name"]: self.layer(part) for part in record["layers"]}
        row: list[Any] = [parts[name] for name in record["row"]]
        if record["input"] is not None:
            row.insert(0, _input(record["input"]))
        model = (cls or Sequential)(row)
        assert isinstance(model, Layer)
        return model

    def _functional(self, record: Any, cls: Any) -> Layer:
        parts = {part["name"]: self.layer(part) for part in record["layers"]}
        inputs = self.decode(record["inputs"])
        values = {
            slot.index: _input(spec) for slot, spec in zip(graph.leaves(inputs), record["input_specs"], strict=True)
        }
        for step in record["steps"]:
            if "layer" in step:
                operation: Any = parts[step["layer"]]
            elif "op" in step:
                operation = Op(self._find("ops", step["op"]), step["op"])
            else:
                operation = OPERATORS[step["operator"]]
            args = graph.fill(self.decode(step["args"]), values)
            result = operation(*args, **graph.fill(self.decode(step["kwargs"]), values))
            slots = list(graph.leaves(self.decode(step["outputs"])))
            values.update(zip((slot.index for slot in slots), graph.leaves(result), strict=True))
        outputs = graph.fill(self.decode(record["outputs"]), values)
        model = (cls or Model)(inputs=graph.fill(inputs, values), outputs=outputs)
        assert isinstance(model, Layer)
        return model

    def _component(self, record: Any, cls: Any) -> Layer:
        made = cls.from_config(self.decode(record["config"]))
        if not isinstance(made, Layer):
            raise LoadError(f"{record['id']!r} is no layer.", code="wrong-kind")
        given = self.decode(record["inputs"])
        if given is not None:
            symbols = _map_inputs(given)
            infer(made, symbols if isinstance(symbols, tuple) else (symbols,), {})
        return made

    def decode(self, value: Any) -> Any:
        """Return the value that `encode` encoded."""
        if isinstance(value, list):
            return [self.decode(item) for item in value]
        if not isinstance(value, dict):
            return value
        tag = next((key for key in value if key.startswith("$")), None)
        if tag is None:
            return {key: self.decode(item) for key, item in value.items()}
        content = value[tag]
        if tag == "$component":
            return self._decode_component(value)
        readers: dict[str, Callable[[Any], Any]] = {
            "$tuple": lambda items: tuple(self.decode(item) for item in items),
            "$float": lambda text: {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}[text],
            "$dtype": as_dtype,
            "$array": lambda parts: np.array(parts[2], dtype=_number_type(parts[0])).reshape(parts[1]),
            "$slot": Slot,
            "$slice": lambda ends: slice(*ends),
            "$ellipsis": lambda _: Ellipsis,
            "$layer": self.layer,
        }
        if tag not in readers:
            raise LoadError(f"the file holds a value of an unknown sort, {tag!r}.", code="bad-description")
        return readers[tag](content)

    def _decode_component(self, value: Mapping[str, Any]) -> Any:
        kind, name = value["$component"]
        found = self._find(kind, name)
        if "config" not in value:
            return found
        config = self.decode(value["config"])
        return found.from_config(config) if hasattr(found, "from_config") else found(**config)

    def _find(self, kind: str, name: str) -> Any:
        bare = name.removeprefix("local:")
        found = self._custom[bare] if bare in self._custom else registry.get(kind, name)
        if kind == "layers" and not (isinstance(found, type) and issubclass(found, nn.Module)):
            raise LoadError(f"{name!r} is no class of layers.", code="wrong-kind")
        return found


def _input(spec: Any) -> Any:
    shape, dtype, name = spec
    return graph.Input(tuple(shape[1:]), batch_size=shape[0], dtype=dtype, name=name)


def _map_inputs(given: Any) -> Any:
    """Return symbolic inputs from the (shape, dtype) pairs of the call that built a layer."""
    if isinstance(given, tuple) and len(given) == 2 and isinstance(given[1], str):
        return graph.Input(tuple(given[0][1:]), dtype=given[1])
    if isinstance(given, dict):
        return {key: _map_inputs(item) for key, item in given.items()}
    if isinstance(given, (list, tuple)):
        return type(given)(_map_inputs(item) for item in given)
    return given


def _number_type(name: Any) -> np.dtype[Any]:
    dtype = np.dtype(name)
    if dtype.kind not in "fiub":
        raise LoadError(f"an array of {name!r} is no array of numbers.", code="bad-description")
    return dtype
