"""Finds the plugins: looks at every entry of Python's path once.

Of nearly all that is installed only the name is needed, so folders are listed and their entry-point files searched for
our groups. importlib-metadata reads every entry of the path that is no plain folder.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from corekit.registry.component import canonical
from corekit.registry.environment import has_own_finders, is_folder, metadata_folders, name_of

PREFIX = "corekit."
"""What the names of our entry-point groups begin with."""

ENTRY_POINTS = "entry_points.txt"
_FILES = ("METADATA", "PKG-INFO")  # of name and version, in a .dist-info and a .egg-info folder


class Found:
    """A distribution that offers something to corekit.

    Args:
        name: canonical.
        where: its folder of metadata, or the entry of the path that holds it in another form.
        entry_points: the content of its entry_points.txt.
        metadata: that of its METADATA file, where it lies in no folder.
        fault: why it cannot be read, where that is known already.

    Its `copies` say where more metadata of the same name lies, which Python does not use.
    """

    def __init__(
        self,
        name: str,
        where: str,
        entry_points: bytes,
        metadata: bytes | None = None,
        fault: Exception | None = None,
    ) -> None:
        self.name, self.where, self.entry_points, self.metadata = name, where, entry_points, metadata
        self.fault = fault
        self.copies: list[str] = []

    def read_metadata(self) -> bytes:
        """Return the content of its METADATA file.

        Raises:
            ValueError: it has none.
        """
        if self.metadata is not None:
            return self.metadata
        for file in _FILES:
            if (content := _content(self.where, file)) is not None:
                return content
        raise ValueError(f"no {_FILES[0]}")


class Look(NamedTuple):
    """What one look at the path found.

    Args:
        plugins: the distributions with a group of ours, by name.
        files: the files that, changed in place, would change the first list; of all other distributions a change
            shows in the folder that they lie in, since installers write a folder of metadata anew.
    """

    plugins: list[Found]
    files: list[str]


def look(path: Sequence[str]) -> Look:
    """Find the plugins. Of several distributions of one name the first on the path counts: Python imports that one."""
    first: dict[str, Found | None] = {}  # None: it offers nothing
    places: dict[str, str] = {}
    copies: dict[str, list[str]] = {}
    files: list[str] = []
    everything = _by_library("a finder") if has_own_finders() else (item for entry in path for item in _in_entry(entry))
    for name, where, found in everything:
        if name in first:
            copies.setdefault(name, []).append(where)
            if found is None:  # once it is whole, or the other one no longer, it may be the one that counts
                files += [os.path.join(folder, file) for folder in (places[name], where) for file in _FILES]
            continue
        first[name], places[name] = found or _offering(name, where), where
        if found is None and (first[name] or where.lower().endswith("egg-info")):
            files += [os.path.join(where, file) for file in (ENTRY_POINTS, *(_told_by(where) if first[name] else ()))]
    for name, others in copies.items():
        if (found := first[name]) is not None:
            found.copies = others
    return Look(sorted(filter(None, first.values()), key=lambda found: found.name), files)


def _in_entry(entry: str) -> Iterator[tuple[str, str, Found | None]]:
    """Yield canonical name and place of what an entry holds; of plugins that lie in no folder also all about them."""
    if os.path.isdir(info := os.path.join(entry, "EGG-INFO")) and not is_folder(entry):
        yield name_of(entry), info, None
        return
    if not is_folder(entry):
        yield from _by_library(entry, path=[entry])
        return
    by_name: dict[str, list[str]] = {}
    for folder in metadata_folders(entry):
        by_name.setdefault(name_of(folder), []).append(folder)
    for name, folders in by_name.items():
        for folder in folders if len(folders) == 1 else sorted(folders, key=_trust, reverse=True):
            yield name, folder, None


def _by_library(place: str, **where: Any) -> Iterator[tuple[str, str, Found | None]]:
    """Yield the same of the plugins that importlib-metadata finds: what is in archives, or known to a finder alone."""
    import importlib_metadata

    importlib_metadata.MetadataPathFinder.invalidate_caches()  # it knows archives by their time alone
    for distribution in importlib_metadata.distributions(**where):
        name = name_of(place)
        try:
            entry_points = distribution.read_text(ENTRY_POINTS) or ""
            if PREFIX not in entry_points:
                continue
            name = canonical(distribution.metadata["Name"] or name)
            metadata = next(filter(None, map(distribution.read_text, _FILES)), "")
            yield name, place, Found(name, place, entry_points.encode(), metadata.encode())
        except Exception as error:  # whatever the library raises of what is damaged
            yield name, place, Found(name, place, b"", fault=error)


def _offering(name: str, folder: str) -> Found | None:
    entry_points = _content(folder, ENTRY_POINTS)
    return Found(name, folder, entry_points) if entry_points and PREFIX.encode() in entry_points else None


def _told_by(folder: str) -> tuple[str, ...]:
    """Return the files that name and version are, or could be, read from: none that one before it would hide."""
    here = next(
        (number for number, file in enumerate(_FILES) if os.path.isfile(os.path.join(folder, file))), len(_FILES)
    )
    return _FILES[: here + 1]


def _content(folder: str, file: str) -> bytes | None:
    try:
        with open(os.path.join(folder, file), "rb") as opened:
            return opened.read()
    except OSError:
        return None


def _trust(folder: str) -> tuple[bool, list[int]]:
    """Return how far to believe one of several folders of one name in one place: whole ones first, then the newest."""
    version = os.path.basename(folder).rpartition(".")[0].partition("-")[2]
    is_whole = any(os.path.isfile(os.path.join(folder, file)) for file in _FILES)
    return is_whole, [int(digits) for digits in re.findall(r"\d+", version)]
