"""From the configuration in a `.keras` file to a model, with new weights.

A name in the file means what `keras_names` says, or a class of the user's own program: one that is registered, or in
`custom_objects`. How the model was compiled is passed over.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from corekit.errors import LoadError
from corekit.model.graph import OPERATORS, Input
from corekit.model.model import Model
from corekit.model.sequential import Sequential
from corekit.model.wrap import layer_class
from corekit.protocols.dtype import floatx
from corekit.protocols.layer import BASE_ARGUMENTS, Layer
from corekit.protocols.precision import no_global_policy
from corekit.registry import registry
from corekit.registry.standard import OWNERS
from corekit.saving import keras_graph, keras_names, keras_parts
from corekit.saving.keras_names import KerasLayer
from corekit.saving.keras_parts import custom_object, is_from_keras

Rows = dict[int, list[tuple[str, Layer]]]
"""id of a model -> (Keras's class, layer) in Keras's order, by which the weights are found."""


def build(record: Any, custom: Mapping[str, Any], *, bare: bool = False) -> tuple[Layer, Rows]:
    """Make the model that a `.keras` file describes.

    Args:
        record: the content of its config.json.
        custom: classes of the user's own program, by name.
        bare: whether initializers are left out, for a model of which only the shapes are wanted.

    Raises:
        LoadError: "missing-part" and "holds-code" where the model has parts that cannot be made, all of them named;
            "bad-description" for what is no description.
    """
    keras_parts.check(record, custom)
    reader = _Reader(custom, bare, keras_parts.policies(record) <= {floatx()})
    with no_global_policy():
        return reader.layer(record), reader.rows


class _Reader:
    """Makes layers from records; one for each file."""

    def __init__(self, custom: Mapping[str, Any], bare: bool, plain: bool) -> None:
        self._custom, self._bare, self._plain = custom, bare, plain
        self._made: dict[str, list[Layer]] = {}
        self.rows: Rows = {}

    def layer(self, record: Any) -> Layer:
        """Make a layer or a model."""
        name, cls = "a layer", "of an unknown class"
        try:
            config, cls = record["config"], record["class_name"]
            name = config["name"]
            if (known := self._made_before(record)) is not None:
                return known
            made = self._make(record, cls, {**config, "name": name.replace(".", "_")})  # a dot parts names of weights
            if "." in name or hasattr(Model, name):  # a model may call it otherwise
                made._named_by_model = True
        except LoadError:
            raise
        except Exception as error:  # whatever a damaged or hostile description leads to
            raise LoadError(
                f'layer "{name}" ({cls}) of the Keras file cannot be made: {type(error).__name__}: {error}',
                code="bad-description",
            ) from error
        self._made.setdefault(keras_parts.signature(record), []).append(made)
        return made

    def _make(self, record: Any, cls: str, config: Any) -> Layer:
        if not is_from_keras(record):
            own: Any = layer_class(custom_object(record, "layers", self._custom), cls)
            if issubclass(own, Model) and "layers" in config:
                return self._functional(config, own) if "input_layers" in config else self._sequential(config, own)
            return self._own(record, own, config)
        if keras_parts.is_model(record):
            return self._sequential(config, Sequential) if cls == "Sequential" else self._functional(config, Model)
        if cls not in keras_names.LAYERS and cls in self._custom:  # a layer of Keras that corekit lacks
            return self._own(record, self._custom[cls], config)
        return self._standard(cls, config)

    def _made_before(self, record: Any) -> Layer | None:
        """Return the layer that this record is about, where several models share it; Keras writes it for each."""
        if "shared_object_id" not in record:
            return None
        same = self._made.get(keras_parts.signature(record), [])
        if len(same) > 1:
            raise LoadError(
                f'several layers could be the "{record["config"]["name"]}" that two models of the file share.\n'
                "  Give the layers of the Keras model names of their own and save it anew.",
                code="bad-description",
            )
        return same[0] if same else None

    def _standard(self, cls: str, config: dict[str, Any]) -> Layer:
        known = keras_names.LAYERS[cls]
        name = known.becomes or cls
        found = registry.get("layers", f"{OWNERS['layers'][name]}:{name}")
        made: Layer = found.from_config({**self._arguments(known, found, cls, config), **known.given})
        return made

    def _own(self, record: Any, cls: Any, config: dict[str, Any]) -> Layer:
        """Make a layer of the user's class; what every Keras layer has is set afterwards where it does not take it."""
        given = {
            key: self._dtype(value) if key == "dtype" else self._value(value, key) for key, value in config.items()
        }
        parameters = inspect.signature(cls.__init__).parameters
        takes_all = any(p.kind is p.VAR_KEYWORD for p in parameters.values()) or "from_config" in cls.__dict__
        later = {} if takes_all else {key: given.pop(key) for key in BASE_ARGUMENTS if key in given.keys() - parameters}
        made: Layer = cls.from_config(given)
        made._name = config["name"]
        if later.get("trainable") is False:
            made.trainable = False
        if later.get("dtype") is not None:
            made.dtype_policy = later["dtype"]
        shape = (record.get("build_config") or {}).get("input_shape")
        if isinstance(made, Model) and not made.built and shape:
            made.build(tuple(shape))
        return made

    # Models

    def _sequential(self, config: dict[str, Any], cls: type[Sequential]) -> Layer:
        parts: list[Any] = []
        row: list[tuple[str, Layer]] = []
        for record in config["layers"]:
            if record["class_name"] == "InputLayer" and is_from_keras(record):
                parts.append(_input(record["config"]))
            else:
                parts.append(self.layer(record))
                row.append((record["class_name"], parts[-1]))
        model = cls(parts, name=config["name"])
        if not model.built and config.get("build_input_shape"):
            model.build(tuple(config["build_input_shape"]))
        return self._finished(model, config, row)

    def _functional(self, config: dict[str, Any], cls: type[Model]) -> Layer:
        row: list[tuple[str, Layer]] = []
        outputs: keras_graph.Outputs = {}
        calls: dict[str, Callable[..., Any]] = {}
        nodes: dict[str, list[Any]] = {}
        for record in config["layers"]:
            name = record["name"]
            if name in calls or name in outputs:
                raise ValueError(f'two layers are called "{name}"')
            if record["class_name"] == "InputLayer" and is_from_keras(record):
                outputs[name] = [[_input(record["config"])]]
                continue
            if keras_parts.is_operation(record):
                calls[name] = self._operation(record)
            else:
                calls[name] = made = self.layer(record)
                row.append((record["class_name"], made))
            nodes[name] = record["inbound_nodes"]
        keras_graph.draw(calls, nodes, outputs, lambda value: self._value(value, ""))

        def is_drawn(name: str) -> bool:
            return isinstance(calls.get(name), Model) and not isinstance(calls.get(name), Sequential)

        model = cls(
            inputs=keras_graph.pick(config["input_layers"], outputs, is_drawn),
            outputs=keras_graph.pick(config["output_layers"], outputs, is_drawn),
            name=config["name"],
        )
        return self._finished(model, config, row)

    def _finished(self, model: Model, config: dict[str, Any], row: list[tuple[str, Layer]]) -> Layer:
        model._trainable = config.get("trainable") is not False  # the layers have been told, each its own
        self.rows[id(model)] = row
        return model

    def _operation(self, record: Any) -> Callable[..., Any]:
        cls, config = record["class_name"], dict(record["config"])
        if cls in keras_names.OPERATORS:
            return keras_graph.operator_call(OPERATORS[keras_names.OPERATORS[cls]])
        name = config.pop("name")
        if cls == "Concatenate":
            return self._standard("Concatenate", {"name": name, "axis": config["axis"]})
        given = keras_names.ACTIVATIONS[cls]
        if wrong := {key: value for key, value in config.items() if value not in given.get(key, ())}:
            raise ValueError(f"corekit's activation {keras_names.snake_case(cls)} does not take {wrong}")
        return self._standard("Activation", {"name": name, "activation": keras_names.snake_case(cls)})

    # Values

    def _arguments(self, known: KerasLayer, cls: Any, name: str, config: dict[str, Any]) -> dict[str, Any]:
        taken = {*inspect.signature(cls.__init__).parameters, *(BASE_ARGUMENTS if issubclass(cls, Layer) else ())}
        given: dict[str, Any] = {}
        for key, value in config.items():
            if key in known.unused or (key in known.only and value in known.only[key]):
                continue
            if key in taken and key not in known.only:
                given[key] = self._dtype(value) if key == "dtype" else self._value(value, key)
            elif value is not None:
                raise ValueError(f"corekit's {name} has no {key}={value!r}")
        return given

    def _dtype(self, value: Any) -> Any:
        """Return the argument for a dtype policy: None where all layers have that which is usual here anyway."""
        policy = keras_parts.policy_name(value)
        return None if policy is None or (self._plain and policy == floatx()) else policy

    def _value(self, value: Any, key: str) -> Any:
        """Return the value of an argument."""
        if self._bare and key.endswith("_initializer"):
            return "zeros"
        if isinstance(value, list):
            return [self._value(item, key) for item in value]
        if not isinstance(value, dict):
            return value
        if "class_name" not in value:
            return {name: self._value(item, name) for name, item in value.items()}
        tag, config = value["class_name"], value.get("config", {})
        if tag == "__slice__":
            return slice(*(self._value(config[end], "") for end in ("start", "stop", "step")))
        if tag == "__ellipsis__":
            return Ellipsis
        if tag in ("__numpy__", "__tensor__"):
            return np.array(config["value"], dtype=_number_dtype(config["dtype"]))
        return self._part(value, key)

    def _part(self, record: dict[str, Any], key: str) -> Any:
        """Return an initializer, activation and so on, or a layer that is another's argument."""
        kind = keras_parts.kind_of(record, key)
        if kind == "layers":
            return self.layer(record)
        if not is_from_keras(record):
            found = custom_object(record, kind, self._custom)
        else:
            name = keras_parts.name_of(record)
            found = registry.get(kind, f"{OWNERS[kind][name]}:{name}")
        if not isinstance(found, type):
            return found
        return found.from_config(self._arguments(KerasLayer(), found, record["class_name"], record["config"]))  # type: ignore[attr-defined]  # else it is an error of its own


def _input(config: dict[str, Any]) -> Any:
    for key in ("sparse", "ragged", "optional"):
        if config.get(key):
            raise ValueError(f'the input "{config["name"]}" is {key}, which corekit has not')
    shape = config["batch_shape"]
    return Input(tuple(shape[1:]), batch_size=shape[0], dtype=_number_dtype(config["dtype"]), name=config["name"])


def _number_dtype(name: Any) -> str:
    known = ("float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool")
    if name not in known:
        raise ValueError(f"dtype {name!r} is none of {', '.join(known)}")
    return str(name)
