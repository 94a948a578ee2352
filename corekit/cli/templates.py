"""Renders `templates/`: a folder of files in whose names and contents `{{word}}` stands for a value.

Each file's name ends in ".template", so that no tool takes it for what it will be. Nothing is overwritten, and a folder
appears whole or not at all: it is made beside its place and then renamed.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

from corekit.errors import ArgumentError, CorekitError

SUFFIX = ".template"
_PLACEHOLDER = re.compile(r"\{\{(\w+)\}\}")


def template(kind: str) -> Path:
    """Return the folder of a kind's template.

    An installed corekit has it inside the package; in a checkout, editable installs included, it is at the root.

    Raises:
        CorekitError: it is in neither place: the installation is damaged.
    """
    package = Path(__file__).resolve().parents[1]
    for root in (package / "templates", package.parent / "templates"):
        if (root / kind).is_dir():
            return root / kind
    raise CorekitError(
        f'the template "{kind}" is missing from {package / "templates"}: the installation of corekit is damaged.\n'
        "  Repair it:  pip install --force-reinstall corekit"
    )


def render(source: Path, target: Path, words: Mapping[str, str]) -> list[Path]:
    """Copy the folder `source` to `target`, with the words put in, and return the paths of the files in it.

    Raises:
        ArgumentError: there is something at `target` already. It is left as it is.
    """
    if target.exists() or target.is_symlink():
        raise ArgumentError(
            f"{target} is there already, and nothing was changed in it.\n"
            "  Choose another name, or another folder with --path."
        )
    with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as workshop:
        made = Path(workshop) / target.name
        files = [_render_file(path, source, made, words) for path in sorted(source.rglob(f"*{SUFFIX}"))]
        made.rename(target)
    return [target / path.relative_to(made) for path in files]


def _render_file(path: Path, source: Path, made: Path, words: Mapping[str, str]) -> Path:
    target = made / _filled(path.relative_to(source).as_posix().removesuffix(SUFFIX), words)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(_filled(path.read_text(encoding="utf-8"), words), encoding="utf-8", newline="\n")
    return target


def _filled(text: str, words: Mapping[str, str]) -> str:
    return _PLACEHOLDER.sub(lambda match: words[match[1]], text)
