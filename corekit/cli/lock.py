"""`corekit lock`: writes down which plugins are installed, with which files. Imports no plugin."""

from __future__ import annotations

import dataclasses
import json

import click

from corekit.cli import options, writing
from corekit.errors import CorekitError
from corekit.registry import locking


@click.command(short_help="Write down what is installed.", epilog="Example: corekit lock --output corekit.lock")
@click.option(
    "--output",
    type=click.Path(dir_okay=False),
    default="corekit.lock",
    help="The file to write; default corekit.lock here.",
)
@options.as_json
def lock(output: str, as_json: bool) -> None:
    """Write a lock file of corekit and every installed plugin: exact version, a hash of its files, its components.

    Keep it in version control; `corekit sync` compares it with what is installed. Exit code 1, and nothing is written,
    if a plugin's files are not as they were installed, since no other machine could have them.
    """
    found = locking.installed()
    if damaged := [one for one in found if one.fault]:
        lines = [f"\n  {one.entry.name} {one.entry.version}: {one.fault}." for one in damaged]
        again = " ".join(one.entry.pin for one in damaged)
        raise CorekitError(
            f"{output} was not written, since this cannot be locked:{''.join(lines)}\n"
            f"  Install anew:  {locking.REINSTALL} {again}"
        )
    entries = [one.entry for one in found]
    writing.replace(output, locking.written(entries).encode())
    if as_json:
        data = {"lock": output, "distributions": [dataclasses.asdict(entry) for entry in entries]}
        click.echo(json.dumps(data, indent=2))
        return
    click.echo(f"Wrote {output} ({len(entries)} distribution{'s' if len(entries) > 1 else ''}).")
    if editable := [entry.name for entry in entries if entry.editable]:
        click.echo(f"  Editable installs, which `corekit sync` can compare but not install: {', '.join(editable)}.")
    if unlisted := [entry.name for entry in entries if not entry.sha256]:
        click.echo(f"  Without a hash, since nothing lists their files: {', '.join(unlisted)}.")
