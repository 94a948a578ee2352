"""`corekit bisect --run CMD`: which plugins make a command fail. Runs it in child processes; imports no plugin itself.

Plugins are switched off by the child's COREKIT_DISABLE alone. Nothing is written, so nothing is left to put back,
however the search ends.
"""

from __future__ import annotations

import json
import sys

import click

from corekit.cli import distributions, options
from corekit.cli.culprits import culprits
from corekit.cli.trials import VARIABLE, Trials, disabling
from corekit.registry import registry


@click.command(
    short_help="Find the plugins that make a command fail.",
    epilog='Example: corekit bisect --run "python train.py" --keep my-plugin',
)
@click.option("--run", "command", required=True, metavar="CMD", help="The shell command that fails; exit code 0 is ok.")
@click.option("--keep", multiple=True, metavar="DISTRIBUTION", help="Leave this plugin on. May be given several times.")
@click.option("--all", "suspect_all", is_flag=True, help="Suspect the standard plugins too.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="End a run after this time, and count it as failed. Default: no limit.",
)
@options.as_json
def bisect(command: str, keep: tuple[str, ...], suspect_all: bool, timeout: float | None, as_json: bool) -> None:
    """Run CMD again and again, each time with some plugins off, until those that make it fail are known.

    It finds several culprits, and plugins that fail only together. Each run is told on stderr; what CMD writes is
    thrown away. Nothing is changed: what COREKIT_DISABLE and your files switch off stays off.

    CMD must fail with all plugins on and succeed with the suspects off; so keep those that it uses.

    Exit code 0: culprits were found. 1: none, and why.
    """
    standard = {owner for names in registry.owners.values() for owner in names.values()}
    kept = {*distributions.named(keep, distributions.installed()), *(() if suspect_all else standard)}
    trials = Trials(command, [name for name in distributions.usable() if name not in kept], timeout)
    reason = _reason_for_none(trials)
    found = [] if reason else culprits(trials.suspects, trials.fails)
    off = [group[0] for group in found]
    if as_json:
        click.echo(json.dumps({"culprits": found, "disable": off, "runs": trials.runs, "reason": reason}, indent=2))
    elif found:
        click.echo(_written(found, off))
    else:
        click.echo(f"No culprit: {reason}", err=True)
    sys.exit(0 if found else 1)


def _reason_for_none(trials: Trials) -> str | None:
    if not trials.suspects:
        return "there is no plugin to switch off.  Give --all to suspect the standard ones too."
    if not trials.fails(trials.suspects):
        return "the command succeeds with all plugins on.  Its exit code must not be 0 while the fault is there."
    if trials.fails([]):
        return (
            f"the command fails with these off too: {', '.join(trials.suspects)}.\n"
            "  Either they are not the cause, or it needs one of them: --keep that one."
        )
    return None


def _written(found: list[list[str]], off: list[str]) -> str:
    lines = [
        f"{' and '.join(group)} {'makes it fail' if len(group) == 1 else 'make it fail together (one off is enough)'}."
        for group in found
    ]
    return "\n".join(
        [
            *lines,
            "",
            f"With {', '.join(off)} off, it succeeds:",
            f"  {VARIABLE}={disabling(off)}",
            "or, under [tool.corekit] in pyproject.toml:",
            f"  disable = {json.dumps(off)}",
        ]
    )
