"""Looks for a component's code as a type checker does: by files, with no import."""

from __future__ import annotations

import re
import symtable
import sys
from pathlib import Path

from corekit.registry.component import described

_STAR = re.compile(r"^from\s.+\simport\s+\*", re.MULTILINE)


def file_of(module: str) -> Path | None:
    """Return the .pyi or .py of a module; None where it is in no folder of Python's path, or compiled.

    Example:
        >>> file_of("json.decoder").name
        'decoder.py'
    """
    inside = Path(*module.split("."))
    names = [
        *(inside / f"__init__{end}" for end in (".pyi", ".py")),
        *(Path(f"{inside}{end}") for end in (".pyi", ".py")),
    ]
    places = (Path(entry, name) for entry in sys.path for name in names)
    return next((place for place in places if place.is_file()), None)


def defines(source: str, name: str) -> bool:
    """Return whether a module may have a name: it binds it, or takes names from elsewhere by `*` or `__getattr__`.

    Raises:
        SyntaxError: the source is not Python.

    Example:
        >>> defines("if True:\\n    class Norm: ...", "Norm"), defines("def f(): Norm = 1", "Norm")
        (True, False)
    """
    table = symtable.symtable(source, "<module>", "exec")
    bound = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_assigned() or symbol.is_imported()}
    return bool({name, "__getattr__"} & bound) or _STAR.search(source) is not None


def reason_against(target: str) -> str:
    """Return why a type checker cannot import "module:attribute", in a few words; "" where it can."""
    module, _, attribute = target.partition(":")
    if "." in attribute:
        return f"{attribute} is no name of the module {module} itself"
    file = file_of(module)
    if file is None:
        return f"{module} has no .py or .pyi in a folder of Python's path"
    try:
        return (
            "" if defines(file.read_text(encoding="utf-8"), attribute) else f"{file.name} does not define {attribute}"
        )
    except (OSError, SyntaxError, ValueError) as error:
        return f"{file.name} cannot be read ({described(error)})"
