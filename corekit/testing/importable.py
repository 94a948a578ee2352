"""How another process gets at a class of this one: by the module that holds it, or by that module's file."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
from typing import Any, NamedTuple

from corekit.testing.case import Subject
from corekit.testing.kit import Skip


class Place(NamedTuple):
    """Where a class or function stands: a module's name, its file, and the name inside."""

    module: str
    file: str
    name: str


def place_of(subject: Subject) -> Place:
    """Return where a component stands.

    Raises:
        Skip: it is made inside a function or typed in, so no other process can have it.
    """
    if subject.where:
        module, _, name = subject.where.partition(":")
        return Place(module, getattr(sys.modules.get(module), "__file__", None) or "", name)
    value = subject.value
    module, name = value.__module__, value.__qualname__
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    try:
        file = inspect.getfile(value)
    except (TypeError, OSError):
        file = ""
    if found is not value or not file or module == "__main__":
        raise Skip(f"{name} is no top-level name of an importable module, so another process cannot have it")
    return Place(module, file, name)


def imported(place: Place) -> Any:
    """Return what stands there."""
    try:
        found: Any = importlib.import_module(place.module)
    except ModuleNotFoundError as error:
        is_missing = error.name is not None and place.module.startswith(error.name)
        if not place.file or not is_missing:
            raise
        found = _from_file(place)
    for part in place.name.split("."):
        found = getattr(found, part)
    return found


def _from_file(place: Place) -> Any:
    """Return the module of a file that is not on the path, such as a test."""
    spec = importlib.util.spec_from_file_location(place.module, place.file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{place.file} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[place.module] = module
    spec.loader.exec_module(module)
    return module
