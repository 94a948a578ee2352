"""Whether a plugin can run here: what its metadata asks of Python, corekit, torch and others, and what is installed.

Asked before the plugin's code is imported, so that "needs torch>=3" is one sentence and not a traceback from inside it.
"""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from corekit.registry import environment
from corekit.registry.component import canonical

if TYPE_CHECKING:
    from packaging.specifiers import SpecifierSet

PYTHON = "python"
"""Stands for Python itself among what a distribution needs."""


def complaint(needs: Sequence[str], versions: Mapping[str, str]) -> str:
    """Return, in a sentence with its remedy, the first thing that is needed and not there; "" where all is.

    Args:
        needs: requirements as metadata writes them, and "python>=3.12" for one on Python.
        versions: what is installed, by canonical name; what seems to be missing is asked for once more, at length.

    Example:
        >>> complaint(["norms>=2"], {"norms": "1.0"})
        'it needs norms>=2, and 1.0 is installed:  pip install "norms>=2"'
    """
    from packaging.requirements import InvalidRequirement, Requirement  # only where a plugin is about to be imported

    for line in needs:
        try:
            need = Requirement(line)
        except InvalidRequirement:
            return f'its metadata asks for "{line}", which cannot be read: its author must correct that.'
        if need.marker is not None and not need.marker.evaluate({"extra": ""}):
            continue
        name = canonical(need.name)
        found = versions.get(name)
        if not _fits(need.specifier, found) and name != PYTHON:
            found = _asked_for(name, found)
        if _fits(need.specifier, found):
            continue
        wanted = f"{need.name}{need.specifier}"
        if name == PYTHON:
            return f"it needs {wanted}, and this is {found}: use another Python, or a release of it for this one."
        have = "which is not installed" if found is None else f"and {found or 'an unknown version'} is installed"
        return f'it needs {wanted}, {have}:  pip install "{wanted}"'
    return ""


def installed() -> dict[str, str]:
    """Return the versions of all distributions in folders of the path, as their folders state them, and Python's."""
    found = {PYTHON: platform.python_version()}
    for entry in environment.search_path():
        for folder in environment.metadata_folders(entry) if environment.is_folder(entry) else ():
            found.setdefault(environment.name_of(folder), environment.version_of(folder))
    return found


def _fits(specifier: SpecifierSet, version: str | None) -> bool:
    """Return whether a version is there and allowed; one that cannot be read is no more than there."""
    from packaging.version import InvalidVersion

    try:
        return version is not None and (not specifier or specifier.contains(version, prereleases=True))
    except InvalidVersion:
        return False


def _asked_for(name: str, stated: str | None) -> str | None:
    """Return a version as the library finds it: in archives, by finders, or where a folder's name does not state it."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return stated
