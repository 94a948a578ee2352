"""Commands that plugins add by the hook `add_commands`; asking for them imports the plugins that have hook modules."""

from __future__ import annotations

from typing import Any

import click

from corekit.errors import AmbiguousNameError
from corekit.registry import registry


def command(name: str) -> click.Command | None:
    """Return the command that a plugin added under a name; None where there is none.

    Raises:
        AmbiguousNameError: two plugins have one of that name.
    """
    added: list[click.Command] = []

    def add(one: Any) -> None:
        if not isinstance(one, click.Command) or not one.name:
            raise TypeError(f"add({one!r}): expected a click.Command with a name")
        added.append(one)

    registry.call_hooks("add_commands", add=add)
    mine = [one for one in added if one.name == name]
    if len(mine) > 1:
        places = " and ".join(sorted(str(getattr(one.callback, "__module__", "?")) for one in mine))
        raise AmbiguousNameError(
            f'{len(mine)} plugins have a command "{name}": {places}.\n'
            "  Switch one off:  corekit disable DISTRIBUTION  (`corekit list` shows them)."
        )
    return mine[0] if mine else None


def note() -> str:
    """Return, for the help, which plugins may have commands; "" where none has hook modules."""
    may = ", ".join(registry.pending_hooks())
    return f"May add commands (not loaded): {may}." if may else ""
