"""Renders `templates/`: folders of files in whose names and contents `{{word}}` stands for a value.

What a package gets is layered: the folder `common`, `component` where there is a component to keep a contract, one
folder for each kind and one for the licence. In each, `files/` becomes files of the package, and what stands in
`parts/` is put together with the same part of the others into a word of the files: all entry points, for example.

Each file's name ends in ".template", so that no tool takes it for what it will be.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

from corekit import __version__
from corekit.cli.names import PluginNames
from corekit.errors import ArgumentError, CorekitError

LICENSES = ("apache-2.0", "mit", "bsd-3-clause", "none")
SUFFIX = ".template"
PARTS = {  # word of the files -> what stands between the parts
    "license": "\n",
    "entry_points": "\n\n",
    "test_requirements": "\n",
    "tools": "\n\n",
    "uses": "\n\n",
    "commands": "\n",
    "changes": "\n",
}

_PLACEHOLDER = re.compile(r"\{\{(\w+)\}\}")
_ALONE = re.compile(r"^\{\{(\w+)\}\}\n", re.MULTILINE)

Layer = tuple[Path, Mapping[str, str]]


def templates() -> Path:
    """Return the folder of the templates.

    An installed corekit has it inside the package; in a checkout, editable installs included, it is at the root.

    Raises:
        CorekitError: it is in neither place: the installation is damaged.
    """
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "templates", package.parent / "templates"):
        if (folder / "common").is_dir():
            return folder
    raise CorekitError(
        f"the templates are missing from {package / 'templates'}: the installation of corekit is damaged.\n"
        "  Repair it:  pip install --force-reinstall corekit"
    )


def package(names: PluginNames, license: str) -> dict[str, str]:
    """Return the files of a new plugin package: path -> text, in the order of their paths.

    Example:
        >>> from corekit.cli.names import plugin_names
        >>> files = package(plugin_names("my-plugin"), "mit")
        >>> files["LICENSE"].splitlines()[0], "src/my_plugin/my_plugin.py" in files
        ('MIT License', True)
    """
    root = templates()
    kinds = [part.kind for part in names.parts]
    major, minor = __version__.split(".")[:2]
    words = {
        "distribution": names.distribution,
        "module": names.module,
        "description": _description(kinds),
        "lowest": f"{major}.{minor}",
        "below": str(int(major) + 1),
    }
    layers: list[Layer] = [(root / "common", words)]
    if kinds != ["hooks"]:
        layers.append((root / "component", words))
    layers += [(root / part.kind, {**words, "name": part.name, "file": part.file}) for part in names.parts]
    layers.append((root / "licenses" / license, words))
    return render(layers)


def render(layers: list[Layer]) -> dict[str, str]:
    """Return the files that the layers make together: path -> text, in the order of their paths."""
    together = {word: _together(word, layers) for word in PARTS}
    files = {}
    for folder, words in layers:
        for path in sorted((folder / "files").rglob(f"*{SUFFIX}")):
            name = path.relative_to(folder / "files").as_posix().removesuffix(SUFFIX)
            text = _filled(path.read_text(encoding="utf-8"), {**together, **words}).rstrip("\n")
            files[_filled(name, words)] = f"{text}\n" if text else ""
    return dict(sorted(files.items()))


def write(files: Mapping[str, str], target: Path, *, dry_run: bool = False) -> None:
    """Write files into a new folder, which appears whole or not at all: it is made beside its place and then renamed.

    Args:
        files: path -> text.
        target: the folder.
        dry_run: write nothing, but raise where it could not be written.

    Raises:
        ArgumentError: there is something at `target` already, which is left as it is; or the disk does not take it.
    """
    if target.exists() or target.is_symlink():
        raise ArgumentError(
            f"{target} is there already, and nothing was changed in it.\n"
            "  Choose another name, or another folder with --path."
        )
    if dry_run:
        return
    try:
        _write(files, target)
    except OSError as error:
        raise ArgumentError(f"{target} cannot be made: {error.strerror}.  Nothing of it was left behind.") from error


def _write(files: Mapping[str, str], target: Path) -> None:
    with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as workshop:
        made = Path(workshop) / target.name
        for name, text in files.items():
            path = made / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
        made.rename(target)


def _together(word: str, layers: list[Layer]) -> str:
    found = []
    for folder, words in layers:
        path = folder / "parts" / f"{word}{SUFFIX}"
        if path.is_file():
            found.append(_filled(path.read_text(encoding="utf-8"), words).strip("\n"))
    return PARTS[word].join(text for text in found if text)


def _filled(text: str, words: Mapping[str, str]) -> str:
    """Put the words in; a line that is nothing but a word without a value goes."""
    text = _ALONE.sub(lambda match: f"{words[match[1]]}\n" if words[match[1]] else "", text)
    return _PLACEHOLDER.sub(lambda match: words[match[1]], text)


def _description(kinds: list[str]) -> str:
    """Return a sentence about the package.

    Example:
        >>> _description(["layer", "op", "hooks"])
        'A layer, an op and hooks for corekit.'
    """
    nouns = ["hooks" if kind == "hooks" else f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}" for kind in kinds]
    listed = " and ".join([", ".join(nouns[:-1]), nouns[-1]] if len(nouns) > 1 else nouns)
    return f"{listed[0].upper()}{listed[1:]} for corekit."
