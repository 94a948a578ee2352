"""`corekit new KIND... NAME`: a plugin package to start from, whose own tests pass; and `--update`, for later."""

from __future__ import annotations

import dataclasses
import json
import os
import shlex
from pathlib import Path

import click

from corekit.cli import options
from corekit.cli.names import KINDS, PluginNames, plugin_names
from corekit.cli.record import FILE, rendered
from corekit.cli.templates import LICENSES, write
from corekit.cli.update import TOLD, Update
from corekit.cli.update import update as updated
from corekit.errors import ArgumentError


@click.command(
    short_help="Start a plugin package.",
    epilog="Example: corekit new layer my-plugin    or several kinds: corekit new layer op my-plugin",
)
@click.argument("words", nargs=-1, metavar="KIND... NAME")
@click.option(
    "--path",
    type=click.Path(exists=True, file_okay=False, writable=True, path_type=Path),
    default=Path(),
    help="The folder to make it in; default the current one.",
)
@click.option("--license", type=click.Choice(LICENSES), help=f"Its licence; default {LICENSES[0]}.")
@click.option("--update", is_flag=True, help="Bring the newest template into the plugin in the folder NAME, or here.")
@click.option("--dry-run", is_flag=True, help="Tell what would be done, and do nothing.")
@options.as_json
def new(words: tuple[str, ...], path: Path, license: str | None, update: bool, dry_run: bool, as_json: bool) -> None:
    """Start a plugin called NAME: a package with an example of each KIND, tests, a README and all that pip needs.

    The kinds: layer, optimizer, loss, metric, op, hooks. The class is named after NAME: my-plugin has MyPlugin,
    corekit-einops has Einops; with several kinds, MyPluginLayer, MyPluginLoss and so on. An op is a function,
    my_plugin. Works without a network.

    With --update, what the template has changed since is merged into the plugin's files. What you have written stays;
    where both changed one place, both stand there between markers, and the exit code is 1.
    """
    if update:
        if len(words) > 1 or license is not None:
            raise click.UsageError("--update takes one folder, and neither kinds nor a licence: those stay.")
        bring(updated(path / words[0] if words else path), dry_run, as_json)
    else:
        start(_names(words), path, license or LICENSES[0], dry_run, as_json)


def start(names: PluginNames, path: Path, license: str, dry_run: bool, as_json: bool) -> None:
    """Make a package and say what comes next."""
    record = rendered(names, license)
    files = {**record.files, FILE: record.as_text()}
    target = path / names.distribution
    write(files, target, dry_run=dry_run)
    if as_json:
        parts = [dataclasses.asdict(part) for part in names.parts]
        data = {"path": os.fspath(target), "license": license, "parts": parts, "files": sorted(files)}
        click.echo(json.dumps(data, indent=2))
        return
    click.echo(f"{'Would make' if dry_run else 'Made'} {target}{os.sep} ({len(files)} files):")
    for part in names.parts:
        called = part.kind if part.kind == "hooks" else f"{part.kind} {part.name}"
        click.echo(f"  the {called} in {Path('src', names.module, part.file)}.py")
    if dry_run:
        return
    click.echo("\nNext:")
    click.echo(f"  cd {shlex.quote(os.fspath(target))}")
    click.echo('  python -m pip install --editable ".[test]"')
    click.echo("  python -m pytest")


def bring(found: Update, dry_run: bool, as_json: bool) -> None:
    """Write an update and tell what it did; exit code 1 where there are conflicts."""
    if not dry_run:
        found.write()
    if as_json:
        changes = [{"path": change.path, "what": change.what} for change in found.changes]
        data = {"from": found.old.version, "to": found.new.version, "changes": changes, "conflicts": found.conflicts}
        click.echo(json.dumps(data, indent=2))
    elif not found.changes:
        click.echo(f"{found.old.names.distribution} has all of the template of corekit {found.new.version}.")
    else:
        head = "Would update" if dry_run else "Updated"
        click.echo(f"{head} {found.old.names.distribution} from corekit {found.old.version} to {found.new.version}:")
        for change in found.changes:
            click.echo(f"  {change.path}: {TOLD[change.what]}")
    if found.conflicts:
        if not as_json:
            click.echo(f"\nConflicts to settle: {', '.join(found.conflicts)}")
        raise click.exceptions.Exit(1)


def _names(words: tuple[str, ...]) -> PluginNames:
    *kinds, name = words or ("",)
    known = ", ".join(KINDS)
    if not kinds and (not name or name in KINDS):
        raise click.UsageError(f"expected KIND... NAME, for example  corekit new layer my-plugin. The kinds: {known}.")
    if not kinds:
        raise click.UsageError(f"expected a kind before {name}, for example  corekit new layer {name}. All: {known}.")
    for kind in kinds:
        if kind not in KINDS:
            raise click.UsageError(f'there is no kind "{kind}". The kinds: {known}; the last word is the name.')
        if kinds.count(kind) > 1:
            raise click.UsageError(f'the kind "{kind}" stands twice. Each goes once; write a second {kind} by hand.')
    if name in KINDS:
        raise click.UsageError(f'the last word is the name, and "{name}" is a kind. Add one, for example my-plugin.')
    try:
        return plugin_names(name, kinds)
    except ArgumentError as error:
        raise click.BadParameter(str(error), param_hint="NAME") from error
