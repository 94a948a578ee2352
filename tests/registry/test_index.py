"""The index on disk: believed while nothing changed, and never wrong."""

import json
import subprocess
import sys
import zlib

import pytest

from corekit.errors import UnknownNameError
from corekit.registry import environment, index


@pytest.fixture
def kept(site, tmp_path, monkeypatch):
    """An environment with one plugin, whose scan is kept."""
    monkeypatch.setenv("COREKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(index, "YOUNG", -(10**12))  # times of change cannot be set back, so everything is old here
    site.install("corekit-norms", {"layers": {"Norm": "norms:Norm"}})
    index.fresh()
    return site


def ids(scan):
    return None if scan is None else [component.id for component in scan.components]


def test_index_gives_what_was_scanned(kept):
    assert index.load().plain() == index.fresh().plain()
    assert ids(index.load()) == ["corekit-norms:Norm"]


def test_lookup_by_index_imports_no_metadata_library():
    code = (
        "import sys; from corekit.registry import registry; registry.find('layers', 'Dense');"
        "print([m for m in ('importlib_metadata', 'importlib.metadata', 'pluggy', 'torch', 'numpy', 'packaging')"
        " if m in sys.modules])"
    )
    for _ in range(2):  # the first one may have to scan
        told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert told == "[]\n"


@pytest.mark.parametrize("what", ["another", "upgrade", "removal", "entry_points", "METADATA"])
def test_change_is_seen(kept, what):
    info = kept.root / "site" / "corekit_norms-1.0.dist-info"
    if what == "another":
        kept.install("corekit-rows", {"layers": {"Row": "rows:Row"}})
    elif what == "upgrade":
        info.joinpath("METADATA").write_text("Metadata-Version: 2.4\nName: corekit-norms\nVersion: 2.0\n")
        info.rename(info.with_name("corekit_norms-2.0.dist-info"))
    elif what == "removal":
        info.joinpath("entry_points.txt").unlink()
    elif what == "entry_points":
        info.joinpath("entry_points.txt").write_text("[corekit.layers]\nRows = norms:Rows\n")
    else:
        info.joinpath("METADATA").write_text("Metadata-Version: 2.4\nName: corekit-norms\nVersion: 1.1\n")

    assert index.load() is None


def test_first_group_of_an_egg_in_place_is_seen(kept):
    egg = kept.root / "site" / "olds.egg-info"
    egg.mkdir()
    egg.joinpath("PKG-INFO").write_text("Metadata-Version: 2.1\nName: olds\nVersion: 1.0\n")
    index.fresh()
    assert index.load() is not None

    egg.joinpath("entry_points.txt").write_text("[corekit.layers]\nOld = olds:Old\n")

    assert index.load() is None
    assert ids(index.fresh()) == ["corekit-norms:Norm", "olds:Old"]


def test_folder_without_distributions_may_change(kept, monkeypatch):
    scripts = kept.root / "scripts"
    scripts.mkdir()
    path = environment.search_path()
    monkeypatch.setattr(environment, "search_path", lambda: [str(scripts), *path])
    index.fresh()

    scripts.joinpath("checkpoint.safetensors").write_text("")

    assert index.load() is not None
    monkeypatch.setattr(environment, "search_path", lambda: [str(kept.root / "elsewhere"), *path])
    assert index.load() is not None


def test_other_order_of_the_path_is_another_environment(kept, monkeypatch):
    kept.install("corekit-norms", {"layers": {"Norm": "norms:Norm"}}, version="2.0", folder="second")
    index.fresh()
    assert index.load().components[0].version == "1.0"
    path = environment.search_path()

    monkeypatch.setattr(environment, "search_path", lambda: path[::-1])

    assert index.load() is None
    assert index.fresh().components[0].version == "2.0"


def test_young_change_is_not_believed(kept, monkeypatch):
    """Where a file system has coarse times, the next change may have the same one."""
    monkeypatch.setattr(index, "YOUNG", 2 * 10**9)

    assert index.load() is None


@pytest.mark.parametrize("damage", ["", "garbage", "cut", "digit", "other words", "no checksum"])
def test_damaged_index_is_no_index(kept, damage):
    file = index._file()
    with open(file) as opened:
        whole = opened.read()
    content = whole.partition("\n")[2]
    damaged = {
        "": "",
        "garbage": "\0\1",
        "cut": whole[:-40],
        "digit": whole.replace("1.0", "1.1"),
        "other words": f"{zlib.crc32(b'{}'):08x}\n" + "{}",
        "no checksum": content,
    }[damage]
    with open(file, "w") as opened:
        opened.write(damaged)

    assert index.load() is None
    assert ids(index.current()) == ["corekit-norms:Norm"]
    assert index.load() is not None  # written anew


def test_index_of_another_format_is_no_index(kept):
    with open(index._file()) as opened:
        head, _, rest = opened.read().partition("\n")[2].partition("\n")
    content = json.loads(head)
    content["key"][0] = 0
    text = f"{json.dumps(content)}\n{rest}"
    with open(index._file(), "w") as opened:
        opened.write(f"{zlib.crc32(text.encode()):08x}\n{text}")

    assert index.load() is None


def test_folder_that_cannot_be_written_costs_only_time(kept, monkeypatch):
    blocked = kept.root / "file"
    blocked.write_text("")
    monkeypatch.setenv("COREKIT_CACHE", str(blocked / "under"))

    assert ids(index.current()) == ["corekit-norms:Norm"]
    assert index.load() is None


def test_finder_of_somebodys_own_is_asked(kept, monkeypatch):
    class Finder:
        @staticmethod
        def find_distributions(context=None):
            return iter(())

        find_spec = None

    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Finder])

    assert environment.has_own_finders()
    assert index.load() is None


def test_installed_in_a_running_program(kept):
    registry = kept.registry()
    with pytest.raises(UnknownNameError):
        registry.find("layers", "Row")

    kept.install("corekit-rows", {"layers": {"Row": "rows:Row"}}, rows="class Row: pass")

    assert registry.get("layers", "Row").__name__ == "Row"


def test_first_miss_scans_for_what_the_index_cannot_see(kept):
    """An edit by hand gave another distribution its first group of ours."""
    other = kept.root / "site" / "others-1.0.dist-info"
    other.mkdir()
    other.joinpath("METADATA").write_text("Metadata-Version: 2.4\nName: others\nVersion: 1.0\n")
    other.joinpath("entry_points.txt").write_text("[console_scripts]\nother = others:main\n")
    index.fresh()
    other.joinpath("entry_points.txt").write_text("[corekit.layers]\nOther = others:Other\n")
    assert ids(index.load()) == ["corekit-norms:Norm"]

    assert kept.registry().find("layers", "Other").id == "others:Other"


def test_misses_after_the_first_one_scan_no_more(kept):
    scans = []

    def rescan():
        scans.append(1)
        return index.fresh()

    registry = type(kept.registry())(index.current, rescan, owners={})
    for _ in range(3):
        with pytest.raises(UnknownNameError):
            registry.find("layers", "Nowhere")

    assert len(scans) == 1


def test_a_look_up_makes_only_what_it_asks_for(kept):
    kept.install("corekit-rows", {"layers": {"Row": "rows:Row", "row_of": "rows:Row", "Rower": "rows:Rower"}})
    index.fresh()
    found = index.load()

    (row,) = found.named("layers", "rowof")
    assert (row.id, sorted(row.targets)) == ("corekit-rows:Row", ["Row", "row_of"])
    assert found.named("layers", "row") == [row]
    assert found.named("layers", "ro") == []
    assert "components" not in vars(found)
    assert row in found.components
    assert len(found.components) == 3


def test_what_looks_like_a_key_is_found_nowhere_else(kept):
    kept.install("corekit-rows", {"layers": {"layers:norm": "x:y", "Row": "layers:norm", "x\x1f": "layers:x"}})
    index.fresh()

    assert [found.id for found in index.load().named("layers", "norm")] == ["corekit-norms:Norm"]
