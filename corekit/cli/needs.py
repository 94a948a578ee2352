"""What a model file needs, by its own word, and how that stands here. Imports no plugin, asks no index.

Everything in a file is a stranger's word. What is kept of it here is either by the grammar of names and versions, or
only to be shown, and `shown` escapes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from corekit.registry import KINDS, grammar, registry, requirements
from corekit.registry.component import LOCAL

HERE = "here"
UNREGISTERED = "registered by its program"


@dataclass(frozen=True)
class Part:
    """A part that a file names.

    Args:
        kind: as the file has it.
        id: likewise.
        state: here, missing, registered by its program, or what `Registry.status` says of one that is not ok.
        why: a sentence, where the state is not the whole reason.
    """

    kind: str
    id: str
    state: str
    why: str = ""


@dataclass(frozen=True)
class Need:
    """A distribution that a file needs.

    Args:
        word: its name in the file; to be shown by `shown` alone unless `named`.
        saved: the version that the file was saved with, in its normal form; "" where it says none that is one.
        installed: the version that is here; None where none is, "" where its metadata have none.
        parts: those of its parts that the file names.
    """

    word: str
    saved: str
    installed: str | None
    parts: list[Part]

    @property
    def named(self) -> bool:
        """Whether its name is one that a distribution can have."""
        return grammar.is_name(self.word) and self.word != LOCAL

    @property
    def absent(self) -> list[Part]:
        """The parts that cannot be used as things stand."""
        return [part for part in self.parts if part.state != HERE]

    @property
    def state(self) -> str:
        """How it stands, in a word: here, other version, missing, not a name, or what the first absent part is."""
        if self.word == LOCAL:
            return next((part.state for part in self.absent), HERE)
        if not self.named:
            return "not a name"
        if self.installed is None and self.absent:
            return "missing"
        if self.absent:
            return next((part.state for part in self.absent if part.state != "missing"), "part missing")
        return "other version" if self.saved and not grammar.same(self.saved, self.installed or "") else HERE

    @property
    def is_met(self) -> bool:
        """Whether all that the file names of it can be used; another version is told, and does not hinder."""
        return not self.absent


def part(kind: str, id: str) -> Part:
    """Return whether a part is here: by its id, exactly, and as policies allow it."""
    meant = [one for one in registry.offering(kind, id) if one.id == id] if kind in KINDS and ":" in id else []
    if meant:
        state, why = registry.status(meant[0])
        return Part(kind, id, HERE) if state in ("ok", "shadowed") else Part(kind, id, state, why)
    if id.startswith(f"{LOCAL}:"):
        return Part(kind, id, UNREGISTERED, "define it with @corekit.register before loading")
    return Part(kind, id, "missing")


def claimed(metadata: Mapping[str, Any]) -> dict[str, str]:
    """Return which distributions a file says it was saved with, and in which versions."""
    from corekit.model.ids import claimed_versions

    return claimed_versions(metadata.get("requires"))


def needs(metadata: Mapping[str, Any]) -> list[Need]:
    """Return which distributions the parts that a file names belong to, sorted by name.

    What the file lists as its distributions counts for their versions alone: a name of which it uses no part is not
    needed, whatever the list says. An id without a distribution stands alone.
    """
    from corekit.model.ids import named_ids

    parts: dict[str, list[Part]] = {}
    named = {one for key in ("architecture", "training") for one in named_ids(metadata.get(key))}
    for kind, id in sorted(named):
        parts.setdefault(id.rpartition(":")[0], []).append(part(kind, id))
    versions, here = claimed(metadata), requirements.installed()
    here.pop(requirements.PYTHON)
    # what the program registers, or a finder of its own brings, has no folder
    here = {**{one.distribution: one.version for one in registry.components()}, **here}
    return [
        Need(word, grammar.version(versions.get(word)), here.get(word), mine) for word, mine in sorted(parts.items())
    ]


def unused(metadata: Mapping[str, Any], needed: list[Need]) -> list[str]:
    """Return the distributions that a file lists and uses nothing of."""
    return sorted(set(claimed(metadata)) - {need.word for need in needed})


def shown(word: str) -> str:
    """Return a word of a file so that it moves no cursor and has no letter of another alphabet than ours.

    Example:
        >>> shown("corekit-l\\u0430yers")
        'corekit-l\\\\u0430yers'
    """
    from corekit.saving.claims import safe  # of a room that is imported when a file is read

    return safe(word).encode("ascii", "backslashreplace").decode()
