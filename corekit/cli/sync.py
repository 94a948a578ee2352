"""`corekit sync`: compares what is installed with a lock file or a model file, and lets pip repair it if asked to."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

import click
from click.core import ParameterSource

from corekit.cli import installer, options, sync_file
from corekit.registry import locking


@click.command(
    short_help="Compare what is installed with a lock file, or with what a model file needs.",
    epilog=(
        "Exit codes: 0 nothing differs, or the file has all that it needs; 1 something differs or is missing, or pip "
        "failed; 2 the command line is wrong.\n\n"
        "Example: corekit sync    or, without a network: corekit sync --install --find-links wheels    or, of a model: "
        "corekit sync digits.safetensors"
    ),
)
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option(
    "--lock", "path", type=click.Path(dir_okay=False), default=sync_file.LOCK, help=f"Default {sync_file.LOCK}."
)
@click.option(
    "--check/--install",
    "check",
    default=None,
    help="Only compare (default), or let pip install the rest. With FILE: --check asks no question.",
)
@click.option("--yes", is_flag=True, help="With FILE: install what is known, without a question.")
@click.option("--trust", multiple=True, metavar="NAME", help="With FILE: you know NAME, of which only the file speaks.")
@click.option(
    "--find-links",
    type=click.Path(exists=True, file_okay=False),
    help="With --install or FILE: without a network, from the wheels in this folder.",
)
@options.as_json
@click.pass_context
def sync(
    context: click.Context,
    file: Path | None,
    path: str,
    check: bool | None,
    yes: bool,
    trust: tuple[str, ...],
    find_links: str | None,
    as_json: bool,
) -> None:
    """Compare corekit and its plugins with the lock file; exit code 1 if anything differs, with the line that repairs.

    With --install, pip is run with the lock's exact versions, and the comparison is made again. Nothing is removed: a
    plugin that the lock does not have stays, and is told.

    With a model FILE, say what it needs and is not here, and where that could come from: your lock file, or the index
    that pip is configured for. Nothing in the file is run, and nothing is installed without your yes. What the lock has
    and corekit's standard distributions are known; any other name is the file's word alone, and is installed only if
    you type it, or give it to --trust. What is here keeps its version unless the lock has another.
    """
    if file is not None:
        if check is not None and (yes or not check):
            raise click.UsageError("with FILE, --yes installs what is known, --check nothing; there is no --install.")
        own = context.get_parameter_source("path") is not ParameterSource.DEFAULT
        lock = path if own or Path(path).exists() else ""
        request = sync_file.Request(file, lock, trust, find_links, may_install=check is None, yes=yes, as_json=as_json)
        code = sync_file.sync_file(request)
    elif yes or trust:
        raise click.UsageError("--yes and --trust have no use without FILE; a lock file is its own word: --install.")
    elif find_links and check is not False:
        raise click.UsageError("--find-links has no use without --install or FILE.")
    else:
        code = _sync(path, find_links, install=check is False, as_json=as_json)
    if code:
        sys.exit(code)


def _sync(path: str, find_links: str | None, *, install: bool, as_json: bool) -> int:
    locked = locking.read(path)
    drifts = locking.compare(locked, locking.installed())
    failed = False
    if install:
        for words in locking.pip_commands(locked, drifts):
            failed = installer.run(words, find_links) != 0 or failed
        drifts = locking.compare(locked, locking.installed())
    if as_json:
        data = {"lock": path, "equal": not drifts, "drift": [dataclasses.asdict(drift) for drift in drifts]}
        click.echo(json.dumps(data, indent=2))
    else:
        click.echo(_written(path, locked, drifts))
    return 1 if drifts or failed else 0


def _written(path: str, locked: list[locking.Entry], drifts: list[locking.Drift]) -> str:
    if not drifts:
        unknown = [entry.name for entry in locked if not entry.sha256]
        alone = f" Of {', '.join(unknown)} only the version was compared: nothing lists the files." if unknown else ""
        return f"What is installed is what {path} has.{alone}"
    lines = [f"{len(drifts)} difference{'s' if len(drifts) > 1 else ''} from {path}:"]
    for drift in drifts:
        lines += [f"  {drift.message}", f"    {drift.repair}"]
    return "\n".join(lines)
