"""What an installed distribution consists of, as one hash over the files of its RECORD, as they are on the disk.

Left out is what differs between two installs of one wheel: bytecode, what the installer notes about itself, and what
lies outside the folder of the packages, such as scripts, which name their interpreter. A file that somebody puts beside
the listed ones is not seen. Of an editable install the Python files of its source are taken, where a .pth file leads
to them.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import json
import os
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

NOTED = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "provenance_url.json", "uv_build.json", "uv_cache.json")
"""Files beside the metadata that installers write about themselves."""


@dataclass(frozen=True)
class Contents:
    """What a distribution's files are.

    Args:
        sha256: of all its files; "" where nobody knows which they are.
        editable: whether its code lies in a folder that somebody works on.
        changed: those that are not as RECORD has them, or are missing.
    """

    sha256: str
    editable: bool = False
    changed: tuple[str, ...] = ()


def contents(folder: str, modules: Collection[str]) -> Contents:
    """Hash the files of a distribution.

    Args:
        folder: of its metadata.
        modules: its outermost packages and modules, looked for in the source of an editable install.
    """
    recorded = _recorded(folder)
    root = os.path.dirname(folder)
    if _is_editable(folder):
        return Contents(_of_source(root, recorded, modules), editable=True)
    found = {path: _sha256(os.path.join(root, path)) for path in recorded if not _is_noted(path, folder)}
    changed = [path for path, actual in found.items() if not actual or not _agrees(recorded[path], actual)]
    return Contents(_of_all(found), changed=tuple(sorted(changed)))


def _recorded(folder: str) -> dict[str, str]:
    """Return what RECORD lists: path, relative to the folder of the packages -> hash; {} where there is none."""
    try:
        with open(os.path.join(folder, "RECORD"), encoding="utf-8", newline="") as file:
            return {row[0]: row[1] if len(row) > 1 else "" for row in csv.reader(file) if row}
    except (OSError, ValueError, csv.Error):
        return {}


def _is_noted(path: str, folder: str) -> bool:
    """Return whether a file is the installer's or Python's own, not the distribution's."""
    place, _, name = path.rpartition("/")
    if place == os.path.basename(folder) and name in NOTED:
        return True
    return name.endswith(".pyc") or path.startswith("..") or os.path.isabs(path)


def _agrees(recorded: str, actual: str) -> bool:
    """Return whether a file's hash is the one in RECORD, in base64; other algorithms are not checked."""
    algorithm, _, digest = recorded.partition("=")
    return algorithm != "sha256" or digest == base64.urlsafe_b64encode(bytes.fromhex(actual)).decode().rstrip("=")


def _is_editable(folder: str) -> bool:
    try:
        with open(os.path.join(folder, "direct_url.json"), encoding="utf-8") as file:
            return json.load(file)["dir_info"]["editable"] is True
    except (OSError, ValueError, TypeError, KeyError):  # hardly any other has the file
        return False


def _of_source(root: str, recorded: Iterable[str], modules: Collection[str]) -> str:
    links = [os.path.join(root, path) for path in recorded if path.endswith(".pth") and "/" not in path]
    for source in (line for link in links for line in _lines(link) if os.path.isdir(line)):
        files = [path for module in modules for path in _python_files(os.path.join(source, module))]
        if files:
            return _of_all({os.path.relpath(path, source).replace(os.sep, "/"): _sha256(path) for path in files})
    return ""


def _lines(link: str) -> list[str]:
    try:
        with open(link, encoding="utf-8") as file:
            return file.read().splitlines()
    except (OSError, ValueError):
        return []


def _python_files(module: str) -> Iterator[str]:
    if os.path.isfile(f"{module}.py"):
        yield f"{module}.py"
    for place, _, names in os.walk(module):
        yield from (os.path.join(place, name) for name in names if name.endswith(".py"))


def _of_all(found: dict[str, str]) -> str:
    lines = "".join(f"{path}\0{sha256}\n" for path, sha256 in sorted(found.items()))
    return hashlib.sha256(lines.encode()).hexdigest() if found else ""


def _sha256(path: str) -> str:
    """Return a file's hash; "" where it cannot be read."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""
