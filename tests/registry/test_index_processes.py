"""The index on disk, with several processes that read and write it at once while the environment changes."""

import json
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from corekit.registry import discovery, environment

NOTHING = discovery.Scan().plain()

READER = """
import json, os, sys, time
from corekit.registry import environment, index

folder = sys.argv[1]
environment.search_path = lambda: [os.path.join(folder, "site")]
index.YOUNG = 50 * 10**6  # times are exact to some milliseconds here
while not os.path.exists(os.path.join(folder, "stop")):
    for read in (index.current, index.fresh, index.current, index.current):
        believed, began = index.load() is not None, time.monotonic_ns()
        found = read().plain()
        print(json.dumps([began, time.monotonic_ns(), believed, found]), flush=True)
        time.sleep(0.002)
"""


def test_processes_that_read_and_write_at_once_find_what_is_there(tmp_path, monkeypatch):
    """Each read is what was there before or after the change that it met; an index is never left wrong behind."""
    site, aside = tmp_path / "site", tmp_path / "aside"
    site.mkdir()
    aside.mkdir()
    monkeypatch.setenv("COREKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(environment, "search_path", lambda: [str(site)])
    outputs = [tmp_path / f"read{number}" for number in range(3)]
    readers = [started(tmp_path, output) for output in outputs]
    try:
        changes = changed_meanwhile(site, aside, outputs)
    finally:
        tmp_path.joinpath("stop").write_text("")
        assert [reader.wait(60) for reader in readers] == [0, 0, 0]

    reads = [json.loads(line) for output in outputs for line in output.read_text().splitlines()]
    judged = Counter(judge(read, changes) for read in reads)
    assert judged["wrong"] == 0
    assert judged["right"] > len(reads) / 2
    assert sum(believed for _, _, believed, _ in reads) > len(reads) / 10


@dataclass
class Change:
    """What was done when, in nanoseconds, and what a scan found after it."""

    began: int
    ended: int
    is_removal: bool
    after: dict[str, Any]


def judge(read: list[Any], changes: list[Change]) -> str:
    """Return whether a read found what it could; of one that met a removal or two changes nothing can be said.

    A scan that a removal overtakes may have found the folder and not the files in it.
    """
    began, ended, _, found = read
    before = [change for change in changes if change.ended < began]
    met = [change for change in changes if change.began <= ended and change.ended >= began]
    if len(met) > 1 or any(change.is_removal for change in met):
        return "unclear"
    possible = [change.after for change in (*before[-1:], *met)] + ([] if before else [NOTHING])
    return "right" if found in possible else "wrong"


def started(folder: Path, output: Path) -> subprocess.Popen[bytes]:
    with output.open("wb") as file:
        return subprocess.Popen([sys.executable, "-c", READER, str(folder)], stdout=file)


def write(folder: Path) -> None:
    """Write the metadata of a plugin, or of what is none."""
    name, version = folder.name.partition(".dist-info")[0].split("-")
    group = "console_scripts" if name == "others" else "corekit.layers"
    folder.mkdir()
    folder.joinpath("METADATA").write_text(f"Name: {name}\nVersion: {version}\n")
    folder.joinpath("entry_points.txt").write_text(f"[{group}]\n{name.title()} = {name}:{name.title()}\n")


def changed_meanwhile(site: Path, aside: Path, outputs: list[Path]) -> list[Change]:
    """Install and remove, each at one stroke; return what happened."""
    while not all(output.stat().st_size for output in outputs):
        time.sleep(0.01)
    changes = []
    for number in range(16):
        folder = site / f"{['norms', 'rows', 'others'][number % 3]}-1.{number // 6}.dist-info"
        is_installed = folder.exists()
        other = aside / f"{folder.name}.{number}"
        if not is_installed:
            write(other)
        time.sleep([0.01, 0.03, 0.15][number % 3 - number % 2])
        began = time.monotonic_ns()
        if is_installed:
            folder.rename(other)
        else:
            other.rename(folder)
        changes.append(Change(began, time.monotonic_ns(), is_installed, discovery.scan().plain()))
    return changes
