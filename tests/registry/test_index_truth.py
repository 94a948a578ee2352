"""The index says what a scan would say, whatever happens to an environment: histories that hypothesis makes up.

Time is the test's own, so that nothing waits: what lies in the environment has the times that its `Disk` gives it, and
`time.time_ns` tells its clock. So the index runs with the care that it has in use, file systems with coarse times are
among those that it meets, and about half of the steps begin with an index that is believed (the test counts them).
Left out is the one change that the index need not see; it stands in `test_index_gaps`, with what these found once.
"""

import gc
import os
import shutil
import zipfile
from collections import Counter
from collections.abc import Callable
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
sound_heads = versions.map(lambda version: f"Name: norms\nVersion: {version}\n\nText.\n".encode())
heads = sound_heads | sound_heads | st.sampled_from(DAMAGED)
pauses = st.sampled_from(
    [0, 3 * SECOND, 3 * SECOND, MILLISECOND, 700 * MILLISECOND, 1999 * MILLISECOND, 86400 * SECOND]
)
picks = st.integers(0, 30)
ways = st.sampled_from(["written", "written with the old time", "replaced by a file of the same time"])
during = st.none() | st.none() | st.integers(0, 25)
"""Nothing, or at which look at the disk of a scan the change happens, as if that scan were another process's."""

SEEN: Counter[str] = Counter()


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

    new_disk: Callable[..., Any]

    @initialize(tick=st.sampled_from([1, 10 * MILLISECOND, SECOND, 2 * SECOND]), is_careless=st.booleans())
    def start(self, tick, is_careless):
        self.patch = pytest.MonkeyPatch()
        self.disk = self.new_disk(self.patch, tick, is_careless)
        self.aside = self.disk.root.with_name(f"{self.disk.root.name}-aside")
        self.aside.mkdir()
        self.patch.setenv("COREKIT_CACHE", str(self.aside / "cache"))
        self.path = ["scripts", "site", "user"]
        root = str(self.disk.root)
        self.patch.setattr(environment, "search_path", lambda: [f"{root}{os.sep}{entry}" for entry in self.path])
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
        self.edit(folder / head_file(folder), content, way, pause, scan_under_way)

    def edit(self, file: Path, content: bytes | None, way: str, pause: int, scan_under_way: int | None) -> None:
        if self.disk.is_careless and scan_under_way is not None:
            way = "written"  # in the middle of a scan nothing could tell another way
        self.step(pause, lambda: self.put(file, content, way), scan_under_way)

    def gives_first_group(self, folder: Path, entry_points: bytes | None) -> bool:
        """Return whether an edit is the one that the index need not see."""
        old = content_of(folder / "entry_points.txt")
        is_watched = folder.suffix == ".egg-info" or (old is not None and b"corekit." in old)
        return entry_points in OURS and not is_watched

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

    @rule(entry=st.sampled_from(ARCHIVES), entry_points=offers, head=heads, pause=pauses)
    def write_archive(self, entry, entry_points, head, pause):
        """Write a zip file or an egg, which is a zip file or a folder."""

        def change() -> None:
            place = self.disk.root / entry
            if entry == ARCHIVES[-1]:
                place.mkdir(exist_ok=True)
                write(place / "EGG-INFO", None, None)
                fill(place / "EGG-INFO", entry_points, head)
            else:
                folder = "rows-1.0.dist-info" if entry == "lib.zip" else "EGG-INFO"
                with zipfile.ZipFile(place, "w") as archive:
                    for file, content in ((head_file(Path(folder)), head), ("entry_points.txt", entry_points)):
                        if content is not None:
                            archive.writestr(f"{folder}/{file}", content)

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
@pytest.mark.parametrize("examples", [100, pytest.param(300, marks=pytest.mark.slow)])
def test_index_equals_a_fresh_scan_after_every_step(examples, disk_kind, monkeypatch):
    """HISTORIES=5000 in the environment asks for so many new ones; else each run has the same few, for the time."""
    wanted = os.environ.get("HISTORIES")
    SEEN.clear()
    monkeypatch.setattr(History, "new_disk", disk_kind, raising=False)

    run_state_machine_as_test(
        History,
        settings=settings(
            max_examples=int(wanted or examples),
            derandomize=not wanted,
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
    assert SEEN["believed"] > SEEN["steps"] / 4, "an index that is never believed proves nothing"
