"""`corekit stubs`: types for the names that plugins bring. Reads metadata and sources; imports no plugin, no torch.

Why a whole folder `corekit`, not the partial stub package `corekit-stubs` of PEP 561: mypy reads those only from where
packages are installed. Of this folder both mypy and pyright take what is in it, and the rest from corekit itself.
"""

from __future__ import annotations

import json
import keyword
from pathlib import Path
from typing import NamedTuple

import click

from corekit.cli import options
from corekit.cli.static_source import reason_against
from corekit.cli.stub_text import OWN, reserved, stub
from corekit.errors import ArgumentError
from corekit.registry import Component, registry
from corekit.registry.component import LOCAL

NOTE = "# Written by `corekit stubs` from the entry points of what is installed; do not edit."
UNTYPED = '# mypy: disable-error-code="import-untyped"'
"""A plugin without py.typed is Any to mypy, which shall not complain of it in a file that nobody wrote."""


class LeftOut(NamedTuple):
    """A name that a stub does not have, and why."""

    kind: str
    name: str
    id: str
    reason: str


@click.command(
    short_help="Write types for the names that plugins bring.", epilog="Example: corekit stubs --output typings"
)
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("typings"),
    show_default=True,
    metavar="DIR",
    help="The folder that gets a folder corekit with the stubs.",
)
@options.as_json
def stubs(output: Path, as_json: bool) -> None:
    """Write a .pyi for corekit.layers and each other namespace, with all installed components in it.

    Editors then complete the names of plugins, and type checkers check calls of them. Run it again after a plugin or
    corekit was installed or changed. Nothing is imported; a name that several plugins have, or whose code cannot be
    found as a file, is left out with a comment, and is Any.

    pyright and Pylance look into the folder typings by themselves. mypy does with MYPYPATH=typings in the environment,
    or mypy_path = "typings" under [tool.mypy].

    Exit code 1 if the files could not be written.
    """
    files, left_out = texts()
    folder = output / "corekit"
    _write(folder, files)
    if as_json:
        found = {"folder": str(folder), "files": sorted(files), "left_out": [one._asdict() for one in left_out]}
        click.echo(json.dumps(found, indent=2))
        return
    click.echo(f"Wrote {folder} ({len(files)} files). For mypy: MYPYPATH={output}.")
    for one in left_out:
        click.echo(f"Left out: corekit.{one.kind}.{one.name} of {one.id}: {one.reason}.")


def texts() -> tuple[dict[str, str], list[LeftOut]]:
    """Return the files as name -> text, and what they leave out."""
    face = Path(__file__).resolve().parents[1] / "__init__.pyi"
    files = {"__init__.pyi": f"{NOTE}\n{face.read_text(encoding='utf-8')}"}
    left_out: list[LeftOut] = []
    for kind in OWN:
        targets, missing = _chosen(kind)
        comments = [f"left out: {one.name} of {one.id}: {one.reason}" for one in missing]
        files[f"{kind}.pyi"] = stub(kind, targets, note=f"{NOTE}\n{UNTYPED}", comments=comments)
        left_out += missing
    return files, left_out


def _chosen(kind: str) -> tuple[dict[str, str], list[LeftOut]]:
    targets: dict[str, str] = {}
    left_out: list[LeftOut] = []
    for component in registry.components(kind):
        for name, target in sorted(component.targets.items()) if component.distribution != LOCAL else ():
            if name in component.old:
                continue
            if reason := _reason_for_none(component, name):
                left_out.append(LeftOut(kind, name, component.id, reason))
            else:
                targets[name] = target
    return targets, left_out


def _reason_for_none(component: Component, name: str) -> str:
    if (refusal := registry.refusal(component)) is not None:
        return refusal
    if not name.isidentifier() or keyword.iskeyword(name) or name.startswith("_"):
        return "it cannot be written as an attribute"
    if name in reserved(component.kind):
        return f"corekit.{component.kind} has something of this name itself"
    meant = registry.meant(component.kind, name)
    if meant != [component]:
        return f"the name means {' or '.join(one.id for one in meant) or registry.owner(component.kind, name)}"
    return reason_against(component.targets[name])


def _write(folder: Path, files: dict[str, str]) -> None:
    """Write the files, or none where one would replace what somebody else wrote."""
    try:
        for path in map(folder.joinpath, files):
            if path.exists() and not path.read_text(encoding="utf-8", errors="replace").startswith(NOTE):
                raise ArgumentError(
                    f"{path} is there already, and `corekit stubs` did not write it. Nothing was changed.\n"
                    "  Remove it, or choose another folder with --output."
                )
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            folder.joinpath(name).write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise ArgumentError(
            f"{error.filename} cannot be written: {error.strerror}.\n  Choose another folder with --output."
        ) from error
