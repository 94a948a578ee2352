"""A disk whose times are the test's own."""

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # nothing has to reach a real disk
REAL = 13 * 10**17  # the clock of `Disk` never comes to this year, and the real clock is past it


class Disk:
    """A folder on a file system of another kind.

    Args:
        tick: how coarse its times are, in nanoseconds.
        is_careless: what should be the time of change is that of creation, as on Windows, so that it tells nothing.
    """

    def __init__(self, patch: pytest.MonkeyPatch, tick: int, is_careless: bool) -> None:
        self.root = Path(tempfile.mkdtemp(dir=MEMORY))
        self.tick, self.is_careless = tick, is_careless
        self.now = 10**18
        self._changed: dict[int, int] = {}
        self._left = 0
        self._interruption: Callable[[], None] | None = None
        self._stat, self._scandir = os.stat, os.scandir
        patch.setattr(os, "stat", self._own_stat)
        patch.setattr(os, "scandir", self._own_scandir)
        patch.setattr(time, "time_ns", lambda: self.now)

    def settle(self) -> None:
        """Give whatever was written since the last time the present time."""
        for folder, _, files in os.walk(self.root):
            for path in [folder, *(os.path.join(folder, file) for file in files)]:
                if self._stat(path).st_mtime_ns > REAL:
                    self.touch(path)

    def touch(self, path: str | Path, modified: int | None = None) -> None:
        """Let a file or folder be changed now; `modified` is what it says of that, default: the truth."""
        time_of = self.now // self.tick * self.tick
        os.utime(path, ns=(time_of, time_of if modified is None else modified))
        inode = self._stat(path).st_ino
        self._changed[inode] = self._changed.get(inode, time_of) if self.is_careless else time_of

    def inherit(self, old: Path, new: Path) -> None:
        """Let one file be as old as another."""
        self._changed[self._stat(new).st_ino] = self._changed[self._stat(old).st_ino]

    @contextmanager
    def interrupted(self, looks: int, change: Callable[[], None]) -> Iterator[None]:
        """Let a change happen after some looks at the disk, at the latest when the context ends."""
        self._left, self._interruption = looks, change
        yield
        self._left = 0
        self._look()

    def _look(self) -> None:
        if (change := self._interruption) is not None:
            self._left -= 1
            if self._left < 0:
                self._interruption = None
                change()

    def _own_stat(self, path: Any, **how: Any) -> os.stat_result:
        if how or not str(path).startswith(str(self.root)):
            return self._stat(path, **how)
        self._look()
        found = self._stat(path)
        fields, more = found.__reduce__()[1]
        return os.stat_result(fields, more | {"st_ctime_ns": self._changed.get(found.st_ino, found.st_ctime_ns)})

    def _own_scandir(self, path: Any = ".") -> Any:
        if str(path).startswith(str(self.root)):
            self._look()
        return self._scandir(path)


@pytest.fixture(scope="session")
def disk_kind() -> type[Disk]:
    """The class: hypothesis makes a disk for each of its examples."""
    return Disk
