"""What `corekit doctor` and `corekit check` last found of each plugin, and which was imported when a process ended.

Kept in the cache folder, one file for each environment: losing it loses nothing but knowledge. What it says of a
plugin holds for the version that it was said of.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

from corekit import __version__, cache
from corekit.registry.component import Component
from corekit.registry.standard import STANDARD

Seen = dict[str, Any]
"""Of a distribution: "version", "verdict", "message", "ms" that importing it took, and what of it is "broken"."""

_known: dict[str, Seen] | None = None
_cards: dict[str, Seen] | None = None


def known() -> dict[str, Seen]:
    """Return what was seen, by distribution; nothing where nobody looked, or the file is damaged."""
    return _read("seen.json")


def _read(name: str) -> dict[str, Seen]:
    try:
        with open(_file(name), encoding="utf-8") as file:
            found = json.load(file)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) and all(isinstance(seen, dict) for seen in found.values()) else {}


def seen(distribution: str, version: str) -> Seen:
    """Return what was last seen of this version of a distribution; {} where nobody looked. The file is read once."""
    global _known
    if _known is None:
        _known = known()
    found = _known.get(distribution, {})
    return found if found.get("version") == version else {}


def forget() -> None:
    """Have the files read again."""
    global _known, _cards
    _known = _cards = None


def keep(news: Mapping[str, Seen]) -> None:
    """Remember what was seen of some distributions, beside what is known of others."""
    cache.replace(_file("seen.json"), json.dumps({**known(), **news}))
    forget()


def card(distribution: str, version: str) -> Seen:
    """Return what `corekit check` found of this version of a distribution, with this corekit; {} where it never ran."""
    global _cards
    if _cards is None:
        _cards = _read("checked.json")
    found = _cards.get(distribution, {})
    return found if (found.get("version"), found.get("corekit")) == (version, __version__) else {}


def keep_card(distribution: str, found: Seen) -> None:
    """Remember what `corekit check` found."""
    cache.replace(_file("checked.json"), json.dumps({**_read("checked.json"), distribution: found}))
    forget()


@contextlib.contextmanager
def importing(component: Component) -> Iterator[None]:
    """Leave a note while a stranger's code is imported: if that ends the process, the note says who did."""
    if component.distribution in STANDARD or component.value is not None:
        yield
        return
    note = _file(f"importing-{os.getpid()}")
    cache.replace(note, f"{component.distribution} {component.version}")
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            os.unlink(note)


def suspects() -> list[str]:
    """Return the distributions, with versions, that were being imported when a process ended."""
    found = set()
    for note in _notes():
        if not _is_running(int(note.rpartition("-")[2])):
            with contextlib.suppress(OSError), open(note, encoding="utf-8") as file:
                found.add(file.read())
    return sorted(found)


def forget_suspects() -> None:
    """Throw the notes of ended processes away."""
    for note in _notes():
        if not _is_running(int(note.rpartition("-")[2])):
            with contextlib.suppress(OSError):
                os.unlink(note)


def _notes() -> list[str]:
    folder = os.path.dirname(_file(""))
    try:
        names = os.listdir(folder)
    except OSError:
        return []
    return [os.path.join(folder, name) for name in names if name.startswith("importing-") and name[10:].isdigit()]


def _is_running(process: int) -> bool:
    if sys.platform == "win32":  # os.kill would end it
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return True


def _file(name: str) -> str:
    return os.path.join(cache.folder("plugins"), f"{zlib.crc32(sys.prefix.encode()):08x}", name)
