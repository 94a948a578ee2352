"""What one process may use, in lines that another can compare with its own."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from corekit.registry.resolution import Registry


def state(registry: Registry) -> list[str]:
    """Return every plugin with its version, and every decision about plugins, sorted; the same on equal machines.

    Imports no plugin. What the program itself registers is left out: ranks may come to it at different times.
    """
    versions = {f"{one.distribution} {one.version}" for one in registry.components() if one.version}
    return [*sorted(versions), *(f"{verb} {', '.join(names)}" for verb, names in registry.decisions())]


def digest(lines: Sequence[str]) -> str:
    """Return a short name of a state.

    Example:
        >>> digest(["corekit-norms 1.0"]) == digest(["corekit-norms 1.1"])
        False
    """
    return f"{zlib.crc32(chr(10).join(lines).encode()):08x}"


def difference(mine: Sequence[str], others: Sequence[str], here: str, there: str) -> str:
    """Say what of two states differs; "" where nothing does.

    Example:
        >>> difference(["a 1"], ["a 2", "b 1"], "rank 0", "rank 1")
        'only rank 0 has a 1; only rank 1 has a 2, b 1'
    """
    sides = ((here, sorted({*mine} - {*others})), (there, sorted({*others} - {*mine})))
    return "; ".join(f"only {who} has {', '.join(lines)}" for who, lines in sides if lines)
