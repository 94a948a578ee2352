"""`corekit new layer NAME`: a plugin package to start from, whose own tests pass at once."""

from __future__ import annotations

import dataclasses
import os
import shlex
from pathlib import Path

import click

from corekit.cli.names import PluginNames, plugin_names
from corekit.cli.templates import render, template
from corekit.errors import ArgumentError


def _names(ctx: click.Context, parameter: click.Parameter, value: str) -> PluginNames:
    try:
        return plugin_names(value)
    except ArgumentError as error:
        raise click.BadParameter(str(error)) from error


@click.command(short_help="Start a plugin package.", epilog="Example: corekit new layer my-plugin")
@click.argument("kind", type=click.Choice(["layer"]))
@click.argument("name", callback=_names)
@click.option(
    "--path",
    type=click.Path(exists=True, file_okay=False, writable=True, path_type=Path),
    default=Path(),
    help="The folder to make it in; default the current one.",
)
def new(kind: str, name: PluginNames, path: Path) -> None:
    """Start a plugin called NAME: a package with a layer, its tests, a README and all that pip needs.

    The class is named after NAME: my-plugin has MyPlugin, corekit-einops has Einops. Works without a network.
    """
    target = path / name.distribution
    files = render(template(kind), target, dataclasses.asdict(name))
    layer = target / "src" / name.module / f"{name.file}.py"
    click.echo(f"Made {target}{os.sep} ({len(files)} files). The layer {name.class_name} is in {layer}.\n")
    click.echo("Next:")
    click.echo(f"  cd {shlex.quote(str(target))}")
    click.echo('  python -m pip install --editable ".[test]"')
    click.echo("  python -m pytest")
