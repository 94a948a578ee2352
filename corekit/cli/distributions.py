"""The distributions that have something for corekit, as commands that work on whole plugins see them. Imports none."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable

from corekit.errors import UnknownNameError
from corekit.registry import registry
from corekit.registry.component import LOCAL, canonical


def installed() -> list[str]:
    """Return the names of all, those that are switched off included."""
    return sorted(
        {*(component.distribution for component in registry.components()), *registry.pending_hooks()} - {LOCAL}
    )


def usable() -> list[str]:
    """Return the names of those of which something may be used."""
    mine = {component.distribution for component in registry.components() if registry.refusal(component) is None}
    return sorted({*mine, *registry.pending_hooks()} - {LOCAL})


def named(names: Iterable[str], known: Collection[str]) -> list[str]:
    """Return the known distributions that `names` mean, in any spelling that pip takes.

    Raises:
        UnknownNameError: one is not known.

    Example:
        >>> named(["Corekit_Einops"], ["corekit-einops"])
        ['corekit-einops']
    """
    found = [canonical(name) for name in names]
    for name in found:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f'  Did you mean "{near[0]}"?' if near else "  `corekit list` shows what is installed."
            raise UnknownNameError(f'no plugin called "{name}" is installed.{hint}')
    return found
