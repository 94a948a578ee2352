"""The index says what a scan would say, whatever happens to an environment: histories that hypothesis makes up.

Time is the test's own, so that nothing waits: what lies in the environment has the times that `Disk` gives it, and
`time.time_ns` tells its clock. So the index runs with the care that it has in use, file systems with coarse times are
among those that it meets, and most steps begin with an index that is believed (the test counts them). What is left out
because the index is known to fail there stands in `test_index_gaps`.
"""

import gc
import os
import shutil
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import importlib_metadata
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from corekit.registry import discovery, environment, index

MILLISECOND, SECOND = 10**6, 10**9
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # nothing has to reach a real disk
REAL = 13 * 10**17  # the clock of `Disk` never comes to this year, and the real clock is past it

OURS = [
    b"[corekit.layers]\nNorm = norms:Norm\n",
    b"[corekit.layers]\nRows = norms:Rows\n",  # of the same size
    b"[console_scripts]\nnorm = norms:main\n\n[corekit.hooks]\nnorms = norms_hooks\n",
    b"[corekit.layer]\nNorm = norms:Norm\n",  # no group of that name
    b"[corekit.layers]\nNorm\n",  # cannot be read
    b"[corekit.layers]\n\xff = norms:Norm\n",
]
OTHERS = [b"[console_scripts]\nnorm = norms:main\n", b"", None]
DAMAGED = [b"", b"Name: \xff\nVersion: 1.0\n", None]
DAMAGES = ["version", "version", "cut", "byte", "empty", "{}", "gone", "folder"]
SITES = ["site", "user", "source"]
ARCHIVES = ["lib.zip", "rows-1.0-py3.11.egg", "norms-1.0-py3.11.egg"]
ENTRIES = [*SITES, "scripts", "nowhere", *ARCHIVES]

names = st.sampled_from(["norms", "Norms", "my_rows"])
versions = st.sampled_from(["1.0", "2.0", "10.0"])
offers = st.sampled_from(OURS[:2]) | st.sampled_from(OURS) | st.sampled_from(OTHERS)
sound_offers = st.sampled_from([*OURS[:4], *OTHERS])
sound_heads = versions.map(lambda version: f"Name: norms\nVersion: {version}\n\nText.\n".encode())
heads = sound_heads | sound_heads | st.sampled_from(DAMAGED)
pauses = st.sampled_from(
    [0, 3 * SECOND, 3 * SECOND, MILLISECOND, 700 * MILLISECOND, 1999 * MILLISECOND, 86400 * SECOND]
)
picks = st.integers(0, 30)
ways = st.sampled_from(["written", "written with the old time", "replaced by a file of the same time"])
during = st.none() | st.none() | st.none() | st.integers(0, 25)
"""Nothing, or at which look at the disk of a scan the change happens, as if that scan were another process's."""

SEEN: Counter[str] = Counter()


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


def write(folder: Path, entry_points: bytes | None, head: bytes | None) -> None:
    """Write a distribution's folder of metadata anew."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    fill(folder, entry_points, head)


def fill(folder: Path, entry_points: bytes | None, head: bytes | None) -> None:
    for file, content in ((head_file(folder), head), ("entry_points.txt", entry_points)):
        if content is not None:
            folder.joinpath(file).write_bytes(content)


def head_file(folder: Path) -> str:
    return "METADATA" if folder.suffix == ".dist-info" else "PKG-INFO"


def content_of(file: Path) -> bytes | None:
    return file.read_bytes() if file.is_file() else None


def freshly_scanned() -> dict[str, Any]:
    """Return what a process that has just started would find."""
    importlib_metadata.MetadataPathFinder.invalidate_caches()
    return discovery.scan().plain()


class History(RuleBasedStateMachine):
    """What may happen to an environment, and to the index of it."""

    @initialize(tick=st.sampled_from([1, 10 * MILLISECOND, SECOND, 2 * SECOND]), is_careless=st.booleans())
    def start(self, tick, is_careless):
        self.patch = pytest.MonkeyPatch()
        self.disk = Disk(self.patch, tick, is_careless)
        self.aside = Path(tempfile.mkdtemp(dir=MEMORY))
        self.patch.setenv("COREKIT_CACHE", str(self.aside / "cache"))
        self.path = ["scripts", "site", "user"]
        self.patch.setattr(environment, "search_path", lambda: [str(self.disk.root / entry) for entry in self.path])
        self.written: list[bytes] = []
        for entry in (*SITES, "scripts"):
            self.disk.root.joinpath(entry).mkdir()
        write(self.disk.root / "site" / "norms-1.0.dist-info", OURS[0], b"Name: norms\nVersion: 1.0\n")
        self.disk.settle()

    def teardown(self):
        if hasattr(self, "patch"):
            self.patch.undo()
            shutil.rmtree(self.disk.root)
            shutil.rmtree(self.aside)

    @invariant()
    def index_is_true(self):
        from_file = index.load()

        found = index.current().plain()

        assert found == freshly_scanned()
        assert from_file is None or from_file.plain() == found
        if (content := content_of(Path(index._file()))) not in (None, *self.written):
            self.written.append(content)

    def step(self, pause: int, change: Callable[[], None], scan_under_way: int | None = None) -> None:
        """Let time pass, read the index, and at that very moment change something."""
        self.disk.now += pause
        self.index_is_true()
        SEEN["steps"] += 1
        SEEN["believed"] += index.load() is not None

        def happen() -> None:
            scan_takes = 0 if scan_under_way is None else pause
            self.disk.now += scan_takes
            change()
            self.disk.settle()
            self.disk.now += scan_takes

        if scan_under_way is None:
            happen()
        else:
            with self.disk.interrupted(scan_under_way, happen):
                index.fresh()

    def folders(self) -> list[Path]:
        """Return all that is installed as a folder."""
        places = [self.disk.root / site for site in SITES]
        return sorted(item for place in places for item in place.iterdir() if item.suffix.endswith("-info"))

    def keeping_time(self, folder: Path, keeps: bool, change: Callable[[], None]) -> Callable[[], None]:
        """Return a change in a folder after which the folder, if it `keeps` its time, has the old one, as tar does."""

        def happen() -> None:
            modified = folder.stat().st_mtime_ns
            change()
            if keeps and not self.disk.is_careless:
                self.disk.touch(folder, modified)

        return happen

    @rule(site=st.sampled_from(SITES), name=names, version=versions, is_egg=st.booleans(), entry_points=offers,
          head=heads, keeps=st.booleans(), pause=pauses, scan_under_way=during)  # fmt: skip
    def install(self, site, name, version, is_egg, entry_points, head, keeps, pause, scan_under_way):
        """Install a distribution; again, or beside another version of it, where there is one."""
        place = self.disk.root / site
        folder = place / f"{name}-{version}.{'egg' if is_egg else 'dist'}-info"
        change = self.keeping_time(place, keeps, lambda: write(folder, entry_points, head))
        self.step(pause, change, scan_under_way)

    @precondition(lambda self: self.folders())
    @rule(pick=picks, version=versions, entry_points=offers, head=heads, pause=pauses, scan_under_way=during)
    def upgrade(self, pick, version, entry_points, head, pause, scan_under_way):
        old = self.folders()[pick % len(self.folders())]
        new = old.with_name(f"{old.name.partition('-')[0]}-{version}{old.suffix}")

        def change() -> None:
            shutil.rmtree(old)
            write(new, entry_points, head)

        self.step(pause, change, scan_under_way)

    @precondition(lambda self: self.folders())
    @rule(pick=picks, keeps=st.booleans(), pause=pauses, scan_under_way=during)
    def remove(self, pick, keeps, pause, scan_under_way):
        folder = self.folders()[pick % len(self.folders())]
        self.step(pause, self.keeping_time(folder.parent, keeps, lambda: shutil.rmtree(folder)), scan_under_way)

    @rule(site=st.sampled_from(SITES), name=names, entry_points=offers, head=heads, pause=pauses)
    def install_slowly(self, site, name, entry_points, head, pause):
        """A scan comes between the folder and what it holds."""
        folder = self.disk.root / site / f"{name}-3.0.dist-info"
        self.step(pause, lambda: write(folder, None, None))
        self.index_is_true()
        if self.disk.tick <= SECOND:  # where times are so coarse that they tell nothing of this, it is an edit
            self.disk.now += 700 * MILLISECOND
        self.index_is_true()
        fill(folder, entry_points, head)
        self.disk.settle()

    @precondition(lambda self: self.folders())
    @rule(pick=picks, content=offers, way=ways, pause=pauses, scan_under_way=during)
    def edit_entry_points(self, pick, content, way, pause, scan_under_way):
        folder = self.folders()[pick % len(self.folders())]
        if not self.gives_first_group(folder, content):
            self.edit(folder / "entry_points.txt", content, way, pause, scan_under_way)

    @precondition(lambda self: self.folders())
    @rule(pick=picks, content=heads, way=ways, pause=pauses, scan_under_way=during)
    def edit_head(self, pick, content, way, pause, scan_under_way):
        folder = self.folders()[pick % len(self.folders())]
        if not self.chooses_between_copies(folder, content):
            self.edit(folder / head_file(folder), content, way, pause, scan_under_way)

    def edit(self, file: Path, content: bytes | None, way: str, pause: int, scan_under_way: int | None) -> None:
        if self.disk.is_careless and scan_under_way is not None:
            way = "written"  # in the middle of a scan nothing could tell another way
        if content is None:
            scan_under_way = None  # a known gap
        self.step(pause, lambda: self.put(file, content, way), scan_under_way)

    def gives_first_group(self, folder: Path, entry_points: bytes | None) -> bool:
        """Return whether an edit is the one that the index need not see."""
        old = content_of(folder / "entry_points.txt")
        is_watched = folder.suffix == ".egg-info" or (old is not None and b"corekit." in old)
        return entry_points in OURS and not is_watched

    def chooses_between_copies(self, folder: Path, head: bytes | None) -> bool:
        """Return whether an edit makes a copy in the same place whole, or no longer: a known gap."""
        copies = [copy for copy in self.folders() if copy.parent == folder.parent]
        copies = [copy for copy in copies if environment.name_of(str(copy)) == environment.name_of(str(folder))]
        return len(copies) > 1 and folder.joinpath(head_file(folder)).exists() != (head is not None)

    def put(self, file: Path, content: bytes | None, way: str) -> None:
        old = content_of(file)
        if content is None:
            file.unlink(missing_ok=True)
        elif old is None or way == "written":
            file.write_bytes(content)
        else:
            modified = file.stat().st_mtime_ns
            if way == "replaced by a file of the same time":
                self.aside.joinpath(f"inode{len(list(self.aside.iterdir()))}").hardlink_to(file)  # it is not used again
                new = file.with_name("new")
                new.write_bytes(content)
                if self.disk.is_careless:
                    self.disk.inherit(file, new)
                new.replace(file)
            else:
                size = len(old) + 1 if self.disk.is_careless else 0  # nothing else would tell
                file.write_bytes(content.ljust(size, b"\n"))
            self.disk.touch(file, modified)

    @rule(name=names, entry_points=offers, head=heads, is_link=st.booleans(), pause=pauses, scan_under_way=during)
    def install_editable(self, name, entry_points, head, is_link, pause, scan_under_way):
        """By a .pth file and metadata beside it, or by an .egg-link and metadata where the source is."""
        site, source = self.disk.root / "site", self.disk.root / "source"

        def change() -> None:
            if is_link:
                site.joinpath(f"{name}.egg-link").write_text(f"{source}\n.")
                site.joinpath("easy-install.pth").write_text(f"{source}\n")
                write(source / f"{name}.egg-info", entry_points, head)
            else:
                site.joinpath(f"__editable__.{name}.pth").write_text(f"{source}\n")
                write(site / f"{name}-1.0.dist-info", entry_points, head)
            self.path += [] if "source" in self.path else ["source"]

        self.step(pause, change, scan_under_way)

    @rule(entry=st.sampled_from(ARCHIVES), entry_points=sound_offers, head=sound_heads, pause=pauses)
    def write_archive(self, entry, entry_points, head, pause):
        """Write a zip file or an egg, which is a zip file or a folder."""

        def change() -> None:
            self.disk.now += max(self.disk.tick, MILLISECOND)  # one of the same time is a known gap
            place = self.disk.root / entry
            if entry == ARCHIVES[-1]:
                place.mkdir(exist_ok=True)
                write(place / "EGG-INFO", None, None)
                fill(place / "EGG-INFO", entry_points, head)
            else:
                folder = "rows-1.0.dist-info" if entry == "lib.zip" else "EGG-INFO"
                with zipfile.ZipFile(place, "w") as archive:
                    archive.writestr(f"{folder}/{head_file(Path(folder))}", head)
                    archive.writestr(f"{folder}/entry_points.txt", entry_points or b"")

        self.step(pause, change)

    @rule(entry=st.sampled_from(ENTRIES), position=st.none() | st.integers(0, 4), is_for_a_moment=st.booleans(),
          pause=pauses, scan_under_way=during)  # fmt: skip
    def move_entry(self, entry, position, is_for_a_moment, pause, scan_under_way):
        """Put an entry into the path, or to another position, or away; during a scan perhaps only for a moment."""
        before = self.path
        rest = [other for other in before if other != entry]
        after = rest if position is None else [*rest[:position], entry, *rest[position:]]
        self.step(pause, lambda: setattr(self, "path", after), scan_under_way)
        if is_for_a_moment and scan_under_way is not None:
            self.path = before

    @rule(entry=st.sampled_from(["scripts", "site"]), pick=st.none() | picks, pause=pauses)
    def change_what_does_not_matter(self, entry, pick, pause):
        """Write a module, or touch a folder of metadata."""
        folders = self.folders()
        touched = folders[pick % len(folders)] if folders and pick is not None else self.disk.root / entry / "module.py"
        self.step(pause, lambda: self.disk.touch(touched) if touched.is_dir() else touched.write_text("") and None)

    @rule(damage=st.sampled_from(DAMAGES), where=st.integers(0, 10**4),
          pause=pauses)  # fmt: skip
    def damage_index(self, damage, where, pause):
        self.step(pause, lambda: damage_file(Path(index._file()), damage, where))

    @precondition(lambda self: self.written)
    @rule(pick=picks, pause=pauses)
    def write_index_late(self, pick, pause):
        """Another process, which was slow, writes what it found long ago."""
        old = self.written[pick % len(self.written)]
        self.step(pause, lambda: write_file(Path(index._file()), old))

    @rule(is_blocked=st.booleans(), pause=pauses)
    def block_cache(self, is_blocked, pause):
        """Let the cache be where nothing can be written, or where it was."""
        self.aside.joinpath("file").write_text("")
        self.step(pause, lambda: self.patch.setenv("COREKIT_CACHE", str(self.aside / ["cache", "file"][is_blocked])))


def damage_file(file: Path, damage: str, where: int) -> None:
    content = content_of(file)
    if damage == "folder" and content is not None:
        file.unlink()
        file.mkdir()
    elif file.is_dir():
        file.rmdir()
    elif damage == "gone" and content is not None:
        file.unlink()
    elif content:
        position = where % len(content)
        flipped = content[:position] + bytes([content[position] ^ 1]) + content[position + 1 :]
        another = content.replace(b'"1.0"', b'"1.1"')
        damaged = {"cut": content[:position], "version": another, "byte": flipped, "empty": b""}
        file.write_bytes(damaged.get(damage, damage.encode()))


def write_file(file: Path, content: bytes) -> None:
    if file.parent.is_dir() and not file.is_dir():
        file.write_bytes(content)


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # importlib-metadata leaves archives open
@pytest.mark.parametrize("examples", [100, pytest.param(2000, marks=pytest.mark.slow)])
def test_index_equals_a_fresh_scan_after_every_step(examples):
    SEEN.clear()

    run_state_machine_as_test(
        History,
        settings=settings(
            max_examples=examples,
            stateful_step_count=30,
            deadline=None,
            print_blob=True,
            report_multiple_bugs=False,
            phases=[Phase.reuse, Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        ),
    )

    importlib_metadata.MetadataPathFinder.invalidate_caches()
    gc.collect()
    assert SEEN["believed"] > SEEN["steps"] / 3, "an index that is never believed proves nothing"
