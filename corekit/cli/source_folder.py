"""A plugin that lies in a folder, seen as if it were installed: for a child process, and without installing anything.

What its pyproject.toml says is written as metadata beside it, and both go first on the child's path. So what is looked
at is what stands in the folder, also where another version of it is installed.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from corekit.errors import ArgumentError
from corekit.registry.component import canonical


class Source(NamedTuple):
    """A plugin in a folder.

    Args:
        distribution: its canonical name.
        env: what a child process needs in its environment to see it.
    """

    distribution: str
    env: dict[str, str]


@contextlib.contextmanager
def as_if_installed(folder: Path) -> Iterator[Source]:
    """Give the plugin of a folder to child processes, as long as this lasts.

    Raises:
        ArgumentError: the folder is no plugin.
    """
    project = _project(folder)
    name, version = project["name"], str(project.get("version", "0"))
    with tempfile.TemporaryDirectory(prefix="corekit-") as temporary:
        info = Path(temporary, "site", f"{canonical(name).replace('-', '_')}-{version}.dist-info")
        info.mkdir(parents=True)
        needs = "".join(f"Requires-Dist: {one}\n" for one in project.get("dependencies", ()))
        info.joinpath("METADATA").write_text(f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\n{needs}")
        info.joinpath("entry_points.txt").write_text(_entry_points(project["entry-points"]))
        sources = [str(place.resolve()) for place in (folder / "src", folder) if place.is_dir()]
        path = [str(info.parent), *sources, *filter(None, [os.environ.get("PYTHONPATH")])]
        cache = str(Path(temporary, "cache"))  # the index of this path is nobody else's
        yield Source(canonical(name), {"PYTHONPATH": os.pathsep.join(path), "COREKIT_CACHE": cache})


def _project(folder: Path) -> dict[str, Any]:
    file = folder / "pyproject.toml"
    try:
        read = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ArgumentError(f"{folder} has no pyproject.toml, so it is no plugin.") from None
    except (ValueError, OSError) as error:
        raise ArgumentError(f"{file} cannot be read: {error}") from error
    project: dict[str, Any] = read.get("project", {})
    if "name" not in project or not any(group.startswith("corekit.") for group in project.get("entry-points", {})):
        raise ArgumentError(
            f"{file} offers corekit nothing. A plugin's says, for example:\n"
            '  [project]\n  name = "my-plugin"\n'
            '  [project.entry-points."corekit.layers"]\n  MyLayer = "my_plugin:MyLayer"'
        )
    return project


def _entry_points(groups: dict[str, dict[str, str]]) -> str:
    return "\n".join(
        "\n".join([f"[{group}]", *(f"{name} = {target}" for name, target in entries.items()), ""])
        for group, entries in groups.items()
    )
