"""Where plugins may lie: the entries of Python's path, and the folders of metadata in them."""

from __future__ import annotations

import os
import sys

from corekit.registry.component import canonical

SUFFIXES = (".dist-info", ".egg-info")


def search_path() -> list[str]:
    """Return the entries of Python's path, each once, as absolute names."""
    return list(dict.fromkeys(map(os.path.abspath, sys.path)))


def has_own_finders() -> bool:
    """Return whether distributions may come from somewhere else than the path: from a finder that somebody added."""
    usual = {"importlib", "importlib_metadata", "_frozen_importlib", "_frozen_importlib_external"}
    kinds = (finder if isinstance(finder, type) else type(finder) for finder in sys.meta_path)
    return any(hasattr(kind, "find_distributions") and kind.__module__.partition(".")[0] not in usual for kind in kinds)


def is_folder(entry: str) -> bool:
    """Return whether an entry of the path is a plain folder, or nothing at all; else it is a zip file or an egg."""
    return not (entry.lower().endswith(".egg") or os.path.isfile(entry))


def metadata_folders(entry: str) -> list[str]:
    """Return the folders of metadata in a folder of the path, in order; none where Python could not read it either."""
    try:
        with os.scandir(entry) as listing:
            return sorted(item.path for item in listing if item.name.endswith(SUFFIXES))
    except OSError:
        return []


def name_of(folder: str) -> str:
    """Return the canonical name of the distribution whose metadata a folder holds.

    Example:
        >>> name_of("site-packages/My_Norms-1.0.dist-info")
        'my-norms'
    """
    return canonical(os.path.basename(folder).rpartition(".")[0].partition("-")[0])


def version_of(folder: str) -> str:
    """Return the version that the name of a folder of metadata states; "" where it states none.

    Example:
        >>> version_of("site-packages/My_Norms-1.0-py3.11.egg-info")
        '1.0'
    """
    return os.path.basename(folder).rpartition(".")[0].partition("-")[2].partition("-")[0]
