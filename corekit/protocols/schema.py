"""What a class takes as arguments, read off its constructor: a file's values are compared with it before it runs."""

from __future__ import annotations

import collections.abc
import functools
import inspect
import numbers
import types
import typing
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch

from corekit.protocols.configurable import POSITIONAL, Configurable
from corekit.protocols.layer import Layer

_ROWS = (list, tuple, collections.abc.Sequence, collections.abc.Iterable, collections.abc.Collection)
_MAPS = (dict, collections.abc.Mapping, collections.abc.MutableMapping)
_ARRAYS = (torch.Tensor, np.ndarray)


class Field(NamedTuple):
    """An argument of a constructor.

    Args:
        hint: what its annotation says; Any where it says nothing that can be told.
        default: `inspect.Parameter.empty` where there is none.
    """

    hint: Any
    default: Any


class Schema(NamedTuple):
    """What a class can be made from.

    Args:
        fields: by name.
        order: the names of those that may be given without one.
        is_closed: whether there are no others.
    """

    fields: dict[str, Field]
    order: tuple[str, ...]
    is_closed: bool


def misfit(cls: type, config: Mapping[str, Any]) -> str | None:
    """Return what of a configuration a class does not take, as a sentence; None where nothing is to be said.

    Annotations are taken broadly: a list will do for a tuple, a whole float for an int, a default for itself. A class
    with a `from_config` of its own reads what it likes.

    Example:
        >>> class Scale(Configurable):
        ...     def __init__(self, factor: float, axes: tuple[int, ...] = ()) -> None: ...
        >>> misfit(Scale, {"factor": 2, "axes": [0, 1]})
        >>> misfit(Scale, {"factor": "2"})
        "Scale(factor='2'): expected float."
        >>> misfit(Scale, {"factor": 2, "colour": "red"})
        "Scale(colour='red'): there is no such argument."
    """
    if getattr(cls.from_config, "__func__", None) is not Configurable.from_config.__func__:  # type: ignore[attr-defined]  # mypy sees Any
        return None
    schema = schema_of(cls)
    given = dict(config)
    row = given.pop(POSITIONAL, ())
    for name, value in [*zip(schema.order, row, strict=False), *given.items()]:
        field = schema.fields.get(name)
        if field is None and schema.is_closed:
            return f"{cls.__name__}({name}={value!r:.80}): there is no such argument."
        if field is not None and not _is_default(value, field.default) and not fits(value, field.hint):
            return f"{cls.__name__}({name}={value!r:.80}): expected {_shown(field.hint)}."
    return None


@functools.lru_cache(maxsize=1024)
def schema_of(cls: type) -> Schema:
    """Return what a class takes: its constructor's arguments and, through `**kwargs`, those of the classes above.

    A layer around a torch module takes the module's arguments, and those that every layer has.
    """
    wrapped = getattr(cls, "wrapped_class", None)
    if wrapped is None:
        return _schema(cls)
    module, base = _schema(wrapped), _schema(Layer)
    return Schema({**base.fields, **module.fields}, module.order, module.is_closed)


def _schema(cls: type) -> Schema:
    fields: dict[str, Field] = {}
    order: tuple[str, ...] | None = None
    for part in cls.__mro__[:-1]:
        if "__init__" not in vars(part):
            continue
        constructor = vars(part)["__init__"]
        parameters = list(inspect.signature(constructor).parameters.values())[1:]
        named = [one for one in parameters if one.kind not in (one.VAR_KEYWORD, one.VAR_POSITIONAL)]
        for one in named:
            fields.setdefault(one.name, Field(_hint(one.annotation, constructor), one.default))
        if order is None:
            order = tuple(one.name for one in named if one.kind is not one.KEYWORD_ONLY)
        rest = next((one.name for one in parameters if one.kind is one.VAR_KEYWORD), None)
        if rest in (None, "unknown"):  # the bases refuse what they call that
            return Schema(fields, order, is_closed=True)
    return Schema(fields, order or (), is_closed=order is None)


def _hint(annotation: Any, function: Any) -> Any:
    if annotation is inspect.Parameter.empty:
        return Any
    holder = types.SimpleNamespace(__annotations__={"it": annotation})
    try:
        return typing.get_type_hints(holder, getattr(function, "__globals__", {}))["it"]
    except Exception:  # names that only type checkers import, and whatever else an annotation may be
        return Any


def fits(value: Any, hint: Any) -> bool:
    """Return whether a value is what an annotation says, as far as that can be told from the value.

    Example:
        >>> fits((3, 3), int | list[int]), fits("same", typing.Literal["valid", "full"]), fits(None, int)
        (True, False, False)
    """
    if hint in (None, types.NoneType):
        return value is None
    if hint in (bool, int, float, complex):
        return _is_number(value, hint)
    if isinstance(hint, type) and issubclass(hint, _ARRAYS):
        return isinstance(value, _ARRAYS)
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return any(fits(value, one) for one in inner)
    if origin is typing.Literal:
        return any(value == one and type(value) is type(one) for one in inner)
    if origin is typing.Annotated:
        return fits(value, inner[0])
    if (origin or hint) in _ROWS:
        return isinstance(value, (list, tuple)) and _row_fits(value, origin, inner)
    if (origin or hint) in _MAPS:
        return isinstance(value, Mapping) and (not inner or all(fits(one, inner[1]) for one in value.values()))
    if (origin or hint) is collections.abc.Callable:
        return callable(value)
    return _is_instance(value, origin or hint)


def _row_fits(value: Any, origin: Any, inner: tuple[Any, ...]) -> bool:
    if not inner:
        return True
    if origin is not tuple or inner[-1] is Ellipsis:
        return all(fits(one, inner[0]) for one in value)
    return len(value) == len(inner) and all(map(fits, value, inner))


def _is_number(value: Any, hint: type) -> bool:
    if isinstance(value, _ARRAYS):
        return value.ndim == 0
    if hint is complex or isinstance(value, (numbers.Integral, np.bool_)):
        return isinstance(value, (numbers.Complex, np.bool_))
    return isinstance(value, numbers.Real) and (hint is float or float(value).is_integer())


def _is_instance(value: Any, hint: Any) -> bool:
    if not isinstance(hint, type):
        return True
    try:
        return isinstance(value, hint)
    except TypeError:  # a protocol that cannot be asked
        return True


def _is_default(value: Any, default: Any) -> bool:
    return value is default or (type(value) is type(default) and not isinstance(value, _ARRAYS) and value == default)


def _shown(hint: Any) -> str:
    return hint.__name__ if isinstance(hint, type) and not typing.get_args(hint) else str(hint).replace("typing.", "")
