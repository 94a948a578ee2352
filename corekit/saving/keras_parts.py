"""Which parts a `.keras` file names, and whether each can be made here: asked before anything is."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from torch import nn

from corekit.errors import CorekitError, LoadError, UnknownNameError
from corekit.model.ids import MOST_LAYERS
from corekit.registry import registry
from corekit.registry.standard import OWNERS
from corekit.saving import keras_names

_MODELS = ("Sequential", "Functional", "Model")
_MODEL_CODE = "keras.src.models."
_DATA = ("__slice__", "__ellipsis__", "__numpy__", "__tensor__", "__keras_tensor__")
_SKIPPED = ("compile_config", "build_config")
_SHOWN, _LONGEST = 3, 60  # names of a class in a message, letters of a name
_SUFFIXES = {"initializer": "initializers", "regularizer": "regularizers", "constraint": "constraints"}


def check(record: Any, custom: Mapping[str, Any]) -> None:
    """Check that every part of a model can be made.

    Raises:
        LoadError: code "holds-code" or "missing-part", and all such parts are named at once; "too-large" where there
            are more layers than a model file takes.
    """
    parts = list(_parts(record))
    if (count := sum(key == "layers" for _, key in parts)) > MOST_LAYERS:
        raise LoadError(f"the Keras model lists {count:,} layers; at most {MOST_LAYERS:,} are made.", code="too-large")
    found: dict[Problem, dict[str, None]] = {}
    for part, key in parts:
        if (problem := _problem(part, key, custom)) is not None:
            found.setdefault(problem, {})[_label(part, key)] = None
    if not found:
        return
    lines = [f"{problem.what} {_listed(list(names))}: {problem.text}" for problem, names in found.items()]
    lines += dict.fromkeys(problem.known for problem in found if problem.known)
    lacking = "1 part that" if (lacks := sum(map(len, found.values()))) == 1 else f"{lacks} parts that"
    codes = {problem.code for problem in found}
    raise LoadError(
        f"the Keras model has {lacking} corekit cannot make. Nothing was loaded.\n  " + "\n  ".join(lines),
        code=codes.pop() if len(codes) == 1 else "holds-code" if "holds-code" in codes else "missing-part",
    )


class Problem(NamedTuple):
    """Why parts of one class cannot be made."""

    code: str
    what: str
    text: str
    known: str = ""


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(f'"{name}"' for name in names[:_SHOWN]) + more


def _parts(value: Any, key: str = "") -> Iterator[tuple[dict[str, Any], str]]:
    """Yield every record of a class or function, and the argument that it is; how the model was compiled is not one."""
    if isinstance(value, list):
        for item in value:
            yield from _parts(item, key)
    elif isinstance(value, dict):
        if isinstance(value.get("class_name"), str):
            yield value, key
        for name, item in value.items():
            if name not in _SKIPPED:
                yield from _parts(item, name)


def _problem(record: dict[str, Any], key: str, custom: Mapping[str, Any]) -> Problem | None:
    """Return why a part cannot be made; None where it can."""
    cls, what = record["class_name"], _shown(record["class_name"])
    if cls in _DATA:
        return None
    if cls in ("__lambda__", "__bytes__", "__typespec__"):
        return Problem("holds-code", f"a {cls.strip('_')} in", "a file that holds code is not read.")
    if not is_from_keras(record):
        return _custom_problem(record, key, custom, what)
    if cls in keras_names.HOLD_CODE:
        return Problem(
            "holds-code",
            what,
            f"{keras_names.HOLD_CODE[cls]}, and nothing that a file brings is run.\n"
            "    Write it as a layer, use that in the Keras model too, and save it anew:  "
            "@corekit.register  class MyLayer(corekit.Layer): def call(self, inputs): ...",
        )
    if is_model(record) or (record["module"], cls) in (("keras.layers", "InputLayer"), ("keras", "DTypePolicy")):
        return None
    if is_operation(record):
        known = sorted({*keras_names.OPERATORS, *keras_names.ACTIVATIONS, "Concatenate"})
        return None if cls in known else _unknown("operation", what, known)
    return _standard_problem(record, key, custom, what)


def _standard_problem(record: dict[str, Any], key: str, custom: Mapping[str, Any], what: str) -> Problem | None:
    kind, name = kind_of(record, key), name_of(record)
    if record["module"] not in keras_names.MODULES:
        text = f"corekit takes nothing from the module {record['module']!r} of Keras."
        return Problem("missing-part", what, text)
    known = keras_names.LAYERS if kind == "layers" else OWNERS[kind]
    if name not in known:
        if kind == "layers" and isinstance(custom.get(name), type):
            return None
        shown = sorted(one for one in known if kind in ("layers", "activations") or one[:1].isupper())
        problem = _unknown(kind.removesuffix("s"), what, shown)
        if kind == "layers" and name.isidentifier():
            hint = f'\n    You may give a class of your own:  load_model(..., custom_objects={{"{name}": My{name}}}).'
            problem = problem._replace(text=problem.text + hint)
        return problem
    try:
        cls = keras_names.LAYERS[name].becomes or name if kind == "layers" else name
        registry.get(kind, f"{OWNERS[kind][cls]}:{cls}")
    except CorekitError as error:
        return Problem("missing-part", what, str(error))
    return None


def _custom_problem(record: dict[str, Any], key: str, custom: Mapping[str, Any], what: str) -> Problem | None:
    try:
        custom_object(record, kind_of(record, key), custom)
    except UnknownNameError:
        name, module = name_of(record), record.get("module")
        whose = f"of the module {module!r}" if isinstance(module, str) else "of its author's own program"
        line = f'load_model(..., custom_objects={{"{name}": {name}}})' if name.isidentifier() else "custom_objects"
        return Problem(
            "missing-part",
            what,
            f"it is {whose}, which is not imported for it.\n"
            f"    Write it for corekit, with @corekit.register above it, or  {line}.",
        )
    except LoadError as error:
        return Problem(error.code, what, str(error))
    return None


def _unknown(kind: str, what: str, known: list[str]) -> Problem:
    return Problem(
        "missing-part", what, f"corekit has no such {kind}.", f"The {kind}s that it has: {', '.join(known)}."
    )


def _label(record: dict[str, Any], key: str) -> str:
    """Return what errors call a part: its name, else the argument that it is."""
    config = record.get("config")
    name = config.get("name") if isinstance(config, dict) else config
    return _shown(name if isinstance(name, str) and name else key or "an argument")


def _shown(text: str) -> str:
    """Return a word of the file as errors may print it."""
    return repr(text)[1:-1][:_LONGEST]


def custom_object(record: dict[str, Any], kind: str, custom: Mapping[str, Any]) -> Any:
    """Return a class or function of the user's own program.

    Raises:
        UnknownNameError: there is none.
        LoadError: `custom_objects` has something else under the name.
    """
    registered = record.get("config" if record["class_name"] == "function" else "registered_name")
    names = [registered, registered.rpartition(">")[2]] if isinstance(registered, str) else []
    found = next((custom[name] for name in (*names, name_of(record)) if name in custom), None)
    if found is None:
        found = registry.get(kind, f"local:{name_of(record)}")
    if kind == "layers" and not (isinstance(found, type) and issubclass(found, nn.Module)):
        raise LoadError(f"custom_objects has {found!r:.60} for it, which is no class of layers.", code="wrong-kind")
    return found


def is_from_keras(record: dict[str, Any]) -> bool:
    """Return whether a record is of Keras itself, and not of a class that somebody registered."""
    module, registered = record.get("module"), record.get("registered_name")
    if not isinstance(module, str) or module.partition(".")[0] != "keras":
        return False
    return registered is None or ">" not in str(registered)


def is_model(record: dict[str, Any]) -> bool:
    """Return whether a record is of one of Keras's own classes of models."""
    module = str(record.get("module"))
    return record["class_name"] in _MODELS and (module in ("keras", "keras.models") or module.startswith(_MODEL_CODE))


def is_operation(record: dict[str, Any]) -> bool:
    """Return whether a record is of an operation of a drawn model, not of a layer."""
    return str(record.get("module")).startswith(("keras.src.ops", "keras.ops"))


def kind_of(record: dict[str, Any], key: str) -> str:
    """Return the kind of a part: by its module, else by the argument that it is."""
    if (kind := keras_names.MODULES.get(str(record.get("module")))) is not None:
        return kind
    if record.get("class_name") == "function":
        return "activations"
    return _SUFFIXES.get(key.rpartition("_")[2], "layers")


def name_of(record: dict[str, Any]) -> str:
    """Return the name of a part's class, or of the function that it is, without the package it was registered for."""
    name = record["config"] if record["class_name"] == "function" else record["class_name"]
    return name.rpartition(">")[2] if isinstance(name, str) else ""


def policy_name(value: Any) -> str | None:
    """Return the name of a dtype policy.

    Raises:
        ValueError: it is of a sort that corekit has not.
    """
    if value is None or isinstance(value, str):
        return value
    if value.get("class_name") != "DTypePolicy":
        raise ValueError(f"corekit has no dtype policy of the class {value.get('class_name')!r}")
    return str(value["config"]["name"])


def policies(record: Any) -> set[str]:
    """Return the names of the dtype policies that a file names."""
    found = {part["config"]["name"] for part, _ in _parts(record) if _is_policy(part)}
    return {str(name) for name in found}


def _is_policy(part: dict[str, Any]) -> bool:
    return part["class_name"] == "DTypePolicy" and isinstance(part.get("config"), dict) and "name" in part["config"]


def signature(record: Any) -> str:
    """Return a text that is the same for two records of one layer: Keras's ids and the calls in a model left out."""
    return json.dumps(_without_ids(record), sort_keys=True)


def _without_ids(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_ids(item) for item in value]
    if isinstance(value, dict):
        left_out = ("shared_object_id", "inbound_nodes", "build_config")
        return {key: _without_ids(item) for key, item in value.items() if key not in left_out}
    return value
