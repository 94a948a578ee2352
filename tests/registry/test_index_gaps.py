"""What was wrong with the index once, found by the histories of `test_index_truth`; and what it need not see."""

import gc
import os
import time
import zipfile
from pathlib import Path

import importlib_metadata
import pytest

from corekit.registry import discovery, environment, index

HEAD = b"Name: norms\nVersion: 1.0\n"
NORM, ROWS = b"[corekit.layers]\nNorm = norms:Norm\n", b"[corekit.layers]\nRows = norms:Rows\n"


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A folder all of which is the path."""
    monkeypatch.setenv("COREKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(index, "YOUNG", -(10**12))  # times of change cannot be set back, so everything is old here
    root = tmp_path / "root"
    root.mkdir()
    monkeypatch.setattr(environment, "search_path", lambda: [str(item) for item in sorted(root.iterdir())])
    yield root
    importlib_metadata.MetadataPathFinder.invalidate_caches()
    gc.collect()  # importlib-metadata leaves archives open


def install(folder: Path, entry_points: bytes, head: bytes | None = HEAD) -> None:
    folder.mkdir(parents=True)
    folder.joinpath("entry_points.txt").write_bytes(entry_points)
    if head is not None:
        folder.joinpath("PKG-INFO" if folder.name == "EGG-INFO" else "METADATA").write_bytes(head)


def archive(file: Path, entry_points: bytes, head: bytes | None = HEAD) -> None:
    with zipfile.ZipFile(file, "w") as written:
        written.writestr("norms-1.0.dist-info/entry_points.txt", entry_points)
        if head is not None:
            written.writestr("norms-1.0.dist-info/METADATA", head)


def freshly_scanned():
    """Return what a process that has just started would find."""
    importlib_metadata.MetadataPathFinder.invalidate_caches()
    return discovery.scan().plain()


def test_first_group_by_hand_is_seen_at_a_miss(site, tmp_path, monkeypatch):
    """The one change that the index need not see: an edit gives some other distribution its first group of ours."""
    monkeypatch.setenv("COREKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(index, "YOUNG", -(10**12))
    site.install("others", {})
    index.fresh()
    tmp_path.joinpath("site", "others-1.0.dist-info", "entry_points.txt").write_bytes(NORM)
    assert index.current().plain() != freshly_scanned()

    assert site.registry().find("layers", "Norm").id == "others:Norm"

    assert index.load().plain() == freshly_scanned()


def test_edit_in_an_egg_folder_is_seen(root):
    info = root / "norms-1.0-py3.11.egg" / "EGG-INFO"
    install(info, NORM)
    index.fresh()

    info.joinpath("entry_points.txt").write_bytes(ROWS)

    assert index.current().plain() == freshly_scanned()


def test_second_copy_that_becomes_whole_is_seen(root):
    install(root / "site" / "norms-1.0.dist-info", NORM)
    install(root / "site" / "norms-2.0.dist-info", NORM, head=None)
    index.fresh()

    root.joinpath("site", "norms-2.0.dist-info", "METADATA").write_bytes(b"Name: norms\nVersion: 2.0\n")

    assert index.current().plain() == freshly_scanned()


def test_copy_that_is_no_longer_whole_makes_way(root):
    install(root / "site" / "norms-1.0.dist-info", NORM)
    install(root / "site" / "norms-2.0.dist-info", b"[console_scripts]\nnorm = norms:main\n")
    index.fresh()

    root.joinpath("site", "norms-2.0.dist-info", "METADATA").unlink()

    assert index.current().plain() == freshly_scanned()


def test_file_removed_during_a_scan_is_seen(root, monkeypatch):
    monkeypatch.setattr(index, "YOUNG", 50 * 10**6)
    install(root / "site" / "norms-1.0.dist-info", NORM)
    time.sleep(0.1)
    scan = discovery.scan

    def scan_and_then_remove():
        found = scan()
        root.joinpath("site", "norms-1.0.dist-info", "entry_points.txt").unlink()
        return found

    with monkeypatch.context() as patch:
        patch.setattr(discovery, "scan", scan_and_then_remove)
        index.fresh()

    assert index.current().plain() == freshly_scanned()


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_archive_replaced_by_one_of_the_same_time_is_read_anew(root):
    archive(root / "lib.zip", NORM)
    os.utime(root / "lib.zip", (10**9, 10**9))
    index.fresh()

    archive(root.with_name("new"), ROWS)
    os.utime(root.with_name("new"), (10**9, 10**9))
    root.with_name("new").replace(root / "lib.zip")
    index.current()

    assert index.current().plain() == freshly_scanned()


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize(
    ("entry_points", "head"), [(NORM, b""), (NORM, None), (b"[corekit.layers]\n\xff = norms:Norm\n", HEAD)]
)
def test_damaged_distribution_in_an_archive_harms_no_other(root, entry_points, head):
    archive(root / "lib.zip", entry_points, head)
    install(root / "site" / "rows-1.0.dist-info", ROWS, b"Name: rows\nVersion: 1.0\n")

    assert [component.id for component in index.current().components] == ["rows:Rows"]
