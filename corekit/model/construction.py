"""From JSON-ready data to a model: what `corekit.model.config` wrote. Every name goes through the registry."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn

from corekit.errors import CorekitError, LayerError, LoadError, UnknownNameError
from corekit.model import graph
from corekit.model.config import IN_MODELS, misfit_of
from corekit.model.graph import OPERATORS
from corekit.model.ids import MOST_LAYERS, count_layers, meanings, named_ids
from corekit.model.inference import infer
from corekit.model.model import Model
from corekit.model.placeholder import Placeholder, placeholder
from corekit.model.running import Slot, fill
from corekit.model.sequential import Sequential
from corekit.model.wrap import layer_class
from corekit.protocols.configurable import Configurable
from corekit.protocols.creation import meaning
from corekit.protocols.dtype import as_dtype
from corekit.protocols.layer import Layer
from corekit.protocols.op import Op
from corekit.protocols.precision import no_global_policy
from corekit.protocols.symbolic import Symbolic
from corekit.protocols.tree import leaves, map_tree
from corekit.registry import registry

_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*:[^:]{1,200}")  # distribution:Name, as `describe` writes it


def construct(record: Any, custom_objects: Mapping[str, Any] | None = None, *, keep_missing: bool = False) -> Layer:
    """Make the layer or model that `describe` described, with new weights.

    Args:
        record: what `describe` returned.
        custom_objects: classes by name, for ids `local:Name` that this program has not registered.
        keep_missing: whether a layer that is not here, or needs what is not, becomes a placeholder.

    Raises:
        LoadError: the data is not what `describe` writes, or names what is not installed.
    """
    if (layers := count_layers(record)) > MOST_LAYERS:
        raise LoadError(f"the description lists {layers:,} layers; at most {MOST_LAYERS:,} are made.", code="too-large")
    builder = _builder(record, custom_objects, keep_missing=keep_missing)
    with no_global_policy(), meaning(builder.meanings(record)):  # a model computes as it was saved
        made = builder.layer(record)
    builder.freeze()
    return made


@contextmanager
def constructed(record: Any, custom_objects: Mapping[str, Any] | None = None) -> Iterator[dict[str, Any]]:
    """Give what stands in `config` of a record that has `names` as a layer's has; inside the `with` these hold.

    Raises:
        LoadError: as `construct`.
    """
    builder = _builder(record, custom_objects)
    with meaning(builder.meanings(record)):
        try:
            made = {str(key): builder.decode(value) for key, value in record["config"].items()}
        except LoadError:
            raise
        except Exception as error:  # whatever a damaged or hostile description leads to
            raise LoadError(
                f"a value cannot be used: {type(error).__name__}: {error}", code="bad-description"
            ) from error
        yield made


def _builder(record: Any, custom_objects: Mapping[str, Any] | None, *, keep_missing: bool = False) -> _Builder:
    """Return what makes the parts of a record, once all that it names is here.

    Raises:
        LoadError: it is not; code "missing-part", with all that is missing.
    """
    custom = custom_objects or {}
    named = sorted(set(named_ids(record)))
    for kind, id in named:
        check_id(kind, id)
    missing = {(kind, id): problem for kind, id in named if (problem := _missing(kind, id, custom))}
    if missing and not keep_missing:
        lacking = "1 part that is" if len(missing) == 1 else f"{len(missing)} parts that are"
        raise LoadError(f"the model needs {lacking} not here:\n  " + "\n  ".join(missing.values()), code="missing-part")
    return _Builder(custom, missing)


def _set_policies(made: Layer, record: Any) -> None:
    """Give a layer, and those inside it, the dtype policies that they had; before it builds, and for what that made."""
    if "dtype_policy" in record:
        made.dtype_policy = record["dtype_policy"]
    for path, policy in record.get("policies", {}).items():
        part = made.get_submodule(path) if path in dict(made.named_modules()) else None
        if isinstance(part, Layer):
            part.dtype_policy = policy


def check_id(kind: str, name: str) -> None:
    """Raise where a file's name for a part is no id of a component: only those are looked up.

    Raises:
        LoadError: code "bad-description".

    Example:
        >>> check_id("layers", "corekit-layers-basic:Dense")
    """
    if kind not in IN_MODELS or not (_ID.fullmatch(name) and name.isprintable()):
        raise LoadError(
            f"the file names a part {kind!r} {name!r:.200}, which is no id. Ids look like "
            "layers 'corekit-layers-basic:Dense'; a file names nothing else.",
            code="bad-description",
        )


def _missing(kind: str, name: str, custom: Mapping[str, Any]) -> str | None:
    if name.removeprefix("local:") in custom:
        return None
    try:
        registry.attribute(kind, name)
    except CorekitError as error:
        return str(error) if isinstance(error, UnknownNameError) else f"{kind} {name!r}: {error}"
    return None


class _Builder:
    """Makes layers from descriptions; one for each file."""

    def __init__(self, custom: Mapping[str, Any], missing: Mapping[tuple[str, str], str]) -> None:
        self._custom, self._missing = custom, missing
        self._made: dict[int, Layer] = {}
        self._frozen: list[tuple[Layer, set[str]]] = []

    def meanings(self, record: Any) -> dict[tuple[str, str], Any]:
        """Return what the names among the arguments of layers meant where the model was saved."""
        meant: dict[tuple[str, str], str] = {}
        for kind, name, id in meanings(record):
            if meant.setdefault((kind, name), id) != id:
                raise LoadError(
                    f"the file says that {kind} {name!r:.200} means {meant[kind, name]!r:.200} and {id!r:.200}.",
                    code="bad-description",
                )
        return {key: self._find(key[0], id) for key, id in meant.items() if (key[0], id) not in self._missing}

    def layer(self, record: Any, *, is_drawn: bool = False) -> Layer:
        """Make a layer; one that `is_drawn` is built by the model around it."""
        try:
            if record["type"] == "shared":
                return self._made[record["number"]]
            if self._missing and record["type"] == "component" and (lacks := self._lacks(record)):
                return self._left_out(record, lacks)
            make: Callable[[Any, Any, bool], Layer]
            make, base = {
                "sequential": (self._sequential, Sequential),
                "functional": (self._functional, Model),
                "component": (self._component, Layer),
            }[record["type"]]
            self._refuse("layers", record.get("id"))
            cls = layer_class(self._find("layers", record["id"]), record["id"]) if "id" in record else base
            if not issubclass(cls, base):
                raise LoadError(f"{record['id']!r} is no class of {base.__name__}.", code="wrong-kind")
            made = make(record, cls, is_drawn)
            _set_policies(made, record)
            made._name, made._named_by_model = _name(record["name"]), record["named_by_model"]
            self._made[record["number"]] = made
        except LoadError:
            raise
        except Exception as error:  # whatever a damaged or hostile description leads to
            name = record.get("name", "a layer") if isinstance(record, dict) else "a layer"
            raise LoadError(
                f"the description of {name!r} cannot be used: {type(error).__name__}: {error}", code="bad-description"
            ) from error
        return made

    def _lacks(self, record: Any) -> list[str]:
        return [self._missing[named] for named in sorted(set(named_ids(record))) if named in self._missing]

    def _refuse(self, kind: str, name: Any) -> None:
        """Raise for what is not here and is no layer that a placeholder could stand for."""
        if (kind, name) in self._missing:
            raise LoadError(
                f"only single layers can be left out, and this is not one:\n  {self._missing[kind, name]}",
                code="missing-part",
            )

    def _left_out(self, record: Any, lacks: list[str]) -> Layer:
        made = placeholder(record, lacks)
        made._name, made._named_by_model = _name(record["name"]), record["named_by_model"]
        made._trainable = bool(record["trainable"])
        self._made[record["number"]] = made
        return made

    def _parts(self, record: Any, *, is_drawn: bool) -> dict[str, Layer]:
        """Return the layers of a model by the names that it has for them."""
        parts = {_name(name): self.layer(part, is_drawn=is_drawn) for name, part in record["layers"]}
        for part in parts.values():
            part._named_by_model = True  # whatever the model calls it for now, `_settle` puts it right
        return parts

    def _settle(self, model: Any, record: Any, parts: dict[str, Layer]) -> Layer:
        for part in parts.values():
            del model._modules[model.name_of(part)]
        model._modules.update(parts)
        for name, described in record["layers"]:
            if described["type"] != "shared":
                parts[name]._named_by_model = described["named_by_model"]
                parts[name]._name = described["name"]
        model._trainable = record["trainable"]  # the layers have been told, each its own
        made: Layer = model
        return made

    def _sequential(self, record: Any, cls: Any, is_drawn: bool) -> Layer:
        parts = self._parts(record, is_drawn=record["drawn"])
        given = None if record["input"] is None else _input(record["input"])
        row = [parts[name] for name in record["row"]]
        for part, gives in zip(row, record.get("gives") or (), strict=False):
            if isinstance(part, Placeholder):
                part.will_give(gives)
        if record["drawn"]:
            return self._settle(cls([given, *row]), record, parts)
        model = cls(row)
        model._input, model.built = given, given is not None
        return self._settle(model, record, parts)

    def _functional(self, record: Any, cls: Any, is_drawn: bool) -> Layer:
        parts = self._parts(record, is_drawn=True)
        inputs = self.decode(record["inputs"])
        values = {slot.index: _input(spec) for slot, spec in zip(leaves(inputs), record["input_specs"], strict=True)}
        for step in record["steps"]:
            if "layer" in step:
                operation: Any = parts[step["layer"]]
                if isinstance(operation, Placeholder):
                    operation.will_give(step["gives"], self.decode(step["outputs"]))
            elif "op" in step:
                self._refuse("ops", step["op"])
                operation = Op(self._find("ops", step["op"]), step["op"])
            else:
                operation = OPERATORS[step["operator"]]
            args = fill(self.decode(step["args"]), values)
            kwargs = fill(self.decode(step["kwargs"]), values)
            result = operation(*args, **kwargs) if isinstance(operation, (Layer, Op)) else _record(operation, args)
            slots = list(leaves(self.decode(step["outputs"])))
            values.update(zip((slot.index for slot in slots), leaves(result), strict=True))
        outputs = fill(self.decode(record["outputs"]), values)
        model = cls(inputs=fill(inputs, values), outputs=outputs)
        return self._settle(model, record, parts)

    def _component(self, record: Any, cls: Any, is_drawn: bool) -> Layer:
        made: Layer = _checked(cls, record.get("id", ""), self.decode(record["config"]))
        _set_policies(made, record)
        given, built_with = self.decode(record["inputs"]), self.decode(record["built_with"])
        if given is not None and not is_drawn:
            _build(made, *map_remembered(given))
        elif built_with is not None and not made.built:
            made.build(*built_with[0], **built_with[1])
        self._frozen.append((made, {*record["frozen"], *([] if record["trainable"] else [""])}))
        return made

    def freeze(self) -> None:
        """Tell every layer inside the components, now that they are all built, whether it is trainable."""
        for component, frozen in self._frozen:
            for path, part in component.named_modules():
                if isinstance(part, Layer) and part.trainable is (path in frozen):
                    part.trainable = path not in frozen

    def decode(self, value: Any) -> Any:
        """Return the value that was encoded."""
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
            "$array": self._array,
            "$tensor": self._tensor,
            "$slot": Slot,
            "$slice": lambda ends: slice(*map(self.decode, ends)),
            "$ellipsis": lambda _: Ellipsis,
            "$layer": self.layer,
        }
        if tag not in readers:
            raise LoadError(f"the file holds a value of an unknown sort, {tag!r}.", code="bad-description")
        return readers[tag](content)

    def _tensor(self, parts: Any) -> torch.Tensor:
        """Return a tensor with its values, also where the model is built without."""
        return torch.tensor(self.decode(parts[2]), dtype=as_dtype(parts[0]), device="cpu").reshape(parts[1])

    def _array(self, parts: Any) -> np.ndarray[Any, Any]:
        dtype = np.dtype(parts[0])
        if dtype.kind not in "fiub":
            raise LoadError(f"an array of {parts[0]!r} is no array of numbers.", code="bad-description")
        return np.array(self.decode(parts[2]), dtype=dtype).reshape(parts[1])

    def _decode_component(self, value: Mapping[str, Any]) -> Any:
        kind, name = value["$component"]
        found = self._find(kind, name)
        if "config" not in value:
            return found
        if not (isinstance(found, type) and issubclass(found, Configurable)):
            raise LoadError(f"{name!r} is no class that can be made from data.", code="wrong-kind")
        return _checked(found, name, self.decode(value["config"]))

    def _find(self, kind: str, name: str) -> Any:
        check_id(kind, name)  # whatever `named_ids` saw: nothing is looked up but by this line
        bare = name.removeprefix("local:")
        found = self._custom[bare] if bare in self._custom else registry.attribute(kind, name)
        if kind == "layers" and not (isinstance(found, type) and issubclass(found, nn.Module)):
            raise LoadError(f"{name!r} is no class of layers.", code="wrong-kind")
        return found


def _checked(cls: Any, id: str, config: Any) -> Any:
    """Make an object of a file's arguments, once they are known to be such as the class takes."""
    if not isinstance(config, dict):
        raise LoadError(f"the arguments of {cls.__name__} are no object.", code="bad-description")
    if fault := misfit_of(cls, id, config):
        raise LoadError(f"the file does not hold what the class takes: {fault}", code="bad-description")
    return cls.from_config(config)


def _name(value: Any) -> str:
    if not isinstance(value, str) or not value or "." in value:
        raise ValueError(f"{value!r} is no name of a layer")
    return value


def _input(spec: Any) -> Any:
    shape, dtype, name = spec
    return graph.Input(tuple(shape[1:]), batch_size=shape[0], dtype=dtype, name=name)


def _record(operation: Any, args: Any) -> Any:
    """Draw an operator; called directly, it could be taken over by an argument that is no symbolic tensor."""
    symbol = next(value for value in leaves(args) if isinstance(value, Symbolic))
    return symbol.record(operation, tuple(args), {})


def map_remembered(given: Any) -> Any:
    """Return symbolic inputs from the (shape, dtype) pairs of the call that built a layer."""
    if isinstance(given, tuple) and len(given) == 2 and isinstance(given[0], tuple) and isinstance(given[1], str):
        return graph.Input(given[0][1:], dtype=given[1])
    if isinstance(given, dict):
        return {key: map_remembered(item) for key, item in given.items()}
    if isinstance(given, (list, tuple)):
        return type(given)(map_remembered(item) for item in given)
    return given


def _build(layer: Layer, args: Any, kwargs: Any) -> None:
    """Make the weights of a layer by the call that made them first; with zeros where its call needs real values."""
    try:
        infer(layer, args, kwargs)
    except LayerError:
        args, kwargs = map_tree(
            lambda v: torch.zeros([n or 1 for n in v.shape], dtype=v.dtype) if isinstance(v, Symbolic) else v,
            (args, kwargs),
        )
        with torch.no_grad():
            layer(*args, **kwargs)
