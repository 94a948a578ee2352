"""What a scan found, kept on disk, and believed only while nothing that it was read from has changed.

The file holds the state of each entry of the path, and of each file of metadata that an edit in place would change.
An entry without distributions, such as a script's own folder, may change as it likes: a look tells that it still has
none. A file that is missing, damaged, somebody else's or of another format is as if it were not there.

Not seen at once is an edit by hand that gives some other distribution its first group of ours. The scan that the
registry makes when a name is unknown sees it.
"""

from __future__ import annotations

import itertools
import json
import os
import sys
import time
import zlib
from typing import Any

from corekit import cache
from corekit.registry import environment
from corekit.registry.component import Component
from corekit.registry.found import HookModule, Problem, Scan

FORMAT = 4  # raised when the meaning of a field, or how a scan decides, changes
YOUNG = 2 * 10**9  # nanoseconds: a second change may have the same time as the first one, on coarse file systems

MARK = "\x1f"

State = list[int] | None
"""Of a file or folder: times of change of content and of itself, size, inode; None where there is none."""


class Kept(Scan):
    """A scan as it was kept: components are made of their rows when they are asked for, few of them by most programs.

    Args:
        head: hooks and problems.
        needs: as JSON.
        rows: a line for each component: its keys, each between two of MARK, a tab, and what it is made of as JSON.
    """

    def __init__(self, head: dict[str, Any], needs: str, rows: str) -> None:
        super().__init__(
            hooks=[HookModule(*fields) for fields in head["hooks"]],
            problems=[Problem(*fields) for fields in head["problems"]],
        )
        del self.components, self.needs  # most programs never ask for all of them
        self._needs, self._rows = needs, rows
        self._made: dict[int, Component] = {}

    def __getattr__(self, name: str) -> Any:
        """Read what was not asked for yet."""
        if name == "needs":
            self.needs = json.loads(self._needs)
        elif name == "components":
            starts = itertools.accumulate((len(row) + 1 for row in self._rows.split("\n")[:-2]), initial=0)
            self.components = [self._component(start) for start in starts] if self._rows else []
        else:
            raise AttributeError(name)
        return self.__dict__[name]

    def named(self, kind: str, folded: str) -> list[Component]:
        """Return the components of a kind that answer to a folded name."""
        if "components" in self.__dict__:
            return super().named(kind, folded)
        key, found = _marked([f"{kind}:{folded}"]), []
        place = self._rows.find(key)
        while place >= 0:
            found.append(self._component(self._rows.rfind("\n", 0, place) + 1))
            place = self._rows.find(key, self._rows.index("\n", place))
        return found

    def _component(self, start: int) -> Component:
        if start not in self._made:
            row = self._rows[self._rows.index("\t", start) : self._rows.index("\n", start)]
            self._made[start] = Component(*json.loads(row))
        return self._made[start]


def _marked(keys: list[str]) -> str:
    """Return keys between MARKs, which JSON never holds, so that a search finds nothing else."""
    return f"{MARK}{MARK.join(map(json.dumps, keys))}{MARK}"


def load() -> Scan | None:
    """Return what the last scan found, or None where the environment has changed since, or nobody knows."""
    try:
        path = _file()
        owner = os.stat(path).st_uid
        if hasattr(os, "getuid") and owner != os.getuid():
            return None
        with open(path, "rb") as file:
            check, _, content = file.read().partition(b"\n")
        if int(check, 16) != zlib.crc32(content):
            return None
        head, needs, rows = content.decode().split("\n", 2)
        kept = json.loads(head)
        return Kept(kept, needs, rows) if kept["key"] == _key() and _holds(kept) else None
    except (OSError, ValueError, TypeError, KeyError):
        return None


def current() -> Scan:
    """Return what is installed: from the index where that holds, else by a scan, which is then kept."""
    found = load()
    return fresh() if found is None else found


def fresh() -> Scan:
    """Scan the environment, and keep what was found."""
    from corekit.registry import discovery  # most programs find what they need in the index

    began, path = time.time_ns(), _path_now()
    found = discovery.scan()
    if path == _path_now() and not environment.has_own_finders():  # else it may be of two times at once
        files = [[file, _state(file)] for file in found.files]
        missing = [os.path.dirname(file) for file, state in zip(found.files, files, strict=True) if state[1] is None]
        files += [[folder, _state(folder)] for folder in missing]  # a folder tells when a file of it went
        plain = found.plain()
        head = {"key": _key(), "began": began, "path": path, "files": files}
        head |= {"hooks": plain["hooks"], "problems": plain["problems"]}
        rows = "".join(f"{_marked(c.keys)}\t{json.dumps(c.plain())}\n" for c in found.components)
        content = f"{json.dumps(head)}\n{json.dumps(found.needs)}\n{rows}"
        cache.replace(_file(), f"{zlib.crc32(content.encode()):08x}\n{content}")
    return found


def _key() -> list[Any]:
    return [FORMAT, sys.implementation.cache_tag, sys.prefix]


def _file() -> str:
    name = f"{zlib.crc32(repr(_key()).encode()):08x}.json"
    return os.path.join(cache.folder("index"), name)


def _path_now() -> list[list[Any]]:
    return [[entry, _state(entry), _is_bare(entry)] for entry in environment.search_path()]


def _holds(kept: dict[str, Any]) -> bool:
    """Return whether the environment is as it was when the index was written."""
    if environment.has_own_finders():
        return False
    known = {entry: (state, bare) for entry, state, bare in kept["path"]}
    holding = []
    for entry in environment.search_path():
        state, bare = known.get(entry, (None, True))
        if entry not in known or not _is_same(entry, state, kept["began"]):
            if not (bare and _is_bare(entry)):
                return False
        elif not bare:
            holding.append(entry)
    if holding != [entry for entry, _, bare in kept["path"] if not bare]:
        return False
    return all(_is_same(file, state, kept["began"]) for file, state in kept["files"])


def _is_same(path: str, state: State, began: int) -> bool:
    """Return whether a file or folder is as it was, and was old enough then that a later change has another time."""
    return _state(path) == state and (state is None or max(state[:2]) < began - YOUNG)


def _state(path: str) -> State:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return [found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino]


def _is_bare(entry: str) -> bool:
    """Return whether an entry of the path is a folder without distributions, or nothing at all."""
    return environment.is_folder(entry) and not environment.metadata_folders(entry)
