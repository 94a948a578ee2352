"""`corekit sync`: compares what is installed with a lock file, and lets pip repair it if asked to."""

from __future__ import annotations

import dataclasses
import json
import sys

import click

from corekit.cli import installer, options
from corekit.registry import locking


@click.command(
    short_help="Compare what is installed with a lock file.",
    epilog="Example: corekit sync    or, without a network: corekit sync --install --find-links wheels",
)
@click.option("--lock", "path", type=click.Path(dir_okay=False), default="corekit.lock", help="Default corekit.lock.")
@click.option("--check/--install", "check", default=True, help="Only compare (default), or let pip install the rest.")
@click.option(
    "--find-links",
    type=click.Path(exists=True, file_okay=False),
    help="With --install: without a network, from the wheels in this folder.",
)
@options.as_json
def sync(path: str, check: bool, find_links: str | None, as_json: bool) -> None:
    """Compare corekit and its plugins with the lock file; exit code 1 if anything differs, with the line that repairs.

    With --install, pip is run with the lock's exact versions, and the comparison is made again. Nothing is removed: a
    plugin that the lock does not have stays, and is told.
    """
    if find_links and check:
        raise click.UsageError("--find-links has no use without --install.")
    locked = locking.read(path)
    drifts = locking.compare(locked, locking.installed())
    failed = False
    if not check:
        for words in locking.pip_commands(locked, drifts):
            failed = installer.run(words, find_links) != 0 or failed
        drifts = locking.compare(locked, locking.installed())
    if as_json:
        data = {"lock": path, "equal": not drifts, "drift": [dataclasses.asdict(drift) for drift in drifts]}
        click.echo(json.dumps(data, indent=2))
    else:
        click.echo(_written(path, locked, drifts))
    if drifts or failed:
        sys.exit(1)


def _written(path: str, locked: list[locking.Entry], drifts: list[locking.Drift]) -> str:
    if not drifts:
        unknown = [entry.name for entry in locked if not entry.sha256]
        alone = f" Of {', '.join(unknown)} only the version was compared: nothing lists the files." if unknown else ""
        return f"What is installed is what {path} has.{alone}"
    lines = [f"{len(drifts)} difference{'s' if len(drifts) > 1 else ''} from {path}:"]
    for drift in drifts:
        lines += [f"  {drift.message}", f"    {drift.repair}"]
    return "\n".join(lines)
