"""`.corekit-template.json` in a plugin package: how it was rendered, so that a newer template can be merged into it.

It holds the text of each file as it came from the template. That is the base of a three-way merge; with it, an update
needs neither a network nor the history of corekit.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from corekit import __version__
from corekit.cli.names import KINDS, PluginNames, derived
from corekit.cli.templates import LICENSES, package
from corekit.errors import CorekitError

FILE = ".corekit-template.json"

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class Record:
    """How a package was rendered.

    Args:
        version: of the corekit whose template it was.
        names: of the package.
        license: one of `LICENSES`.
        files: path -> text.
    """

    version: str
    names: PluginNames
    license: str
    files: Mapping[str, str]

    def as_text(self) -> str:
        """Return what the file says."""
        data = {
            "about": "what this package was rendered from; `corekit new --update` needs it, so keep it as it is",
            "corekit": self.version,
            "distribution": self.names.distribution,
            "kinds": [part.kind for part in self.names.parts],
            "license": self.license,
            "files": dict(self.files),
        }
        return json.dumps(data, indent=1, ensure_ascii=False) + "\n"


def rendered(names: PluginNames, license: str) -> Record:
    """Render the template of this corekit."""
    return Record(__version__, names, license, package(names, license))


def read(folder: Path) -> Record:
    """Return the record of a plugin package.

    Raises:
        CorekitError: there is none, or it is damaged.
    """
    path = folder / FILE
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if not _is_whole(data):
            raise ValueError("it does not say what it should")
    except FileNotFoundError:
        raise CorekitError(
            f"{path} is not there: {folder.resolve().name} was not made by `corekit new`, or has lost the file.\n"
            "  It is needed as the base of the merge; version control may still have it."
        ) from None
    except (OSError, ValueError) as error:
        raise CorekitError(
            f"{path} is damaged or cannot be read, and nothing was changed.\n"
            f"  Bring it back from version control:  git checkout -- {FILE}"
        ) from error
    return Record(data["corekit"], derived(data["distribution"], data["kinds"]), data["license"], data["files"])


def _is_whole(data: Any) -> bool:
    """Return whether a record can be believed; it comes with the repository, so it may be anybody's."""
    return (
        isinstance(data, dict)
        and all(isinstance(data.get(key), str) for key in ("corekit", "distribution"))
        and _NAME.fullmatch(data["distribution"]) is not None
        and data.get("license") in LICENSES
        and isinstance(data.get("kinds"), list)
        and len(data["kinds"]) > 0
        and all(kind in KINDS for kind in data["kinds"])
        and isinstance(data.get("files"), dict)
        and all(isinstance(text, str) and _is_inside(path) for path, text in data["files"].items())
    )


def _is_inside(path: str) -> bool:
    pure = PurePosixPath(path)
    return not pure.is_absolute() and ".." not in pure.parts and "\\" not in path and ":" not in path
