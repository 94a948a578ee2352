"""`corekit check`: the conformance kit on a plugin, in child processes; torch is imported there only."""

from __future__ import annotations

import json
import os
import shutil
import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import click

from corekit.cli import distributions, options, scorecard
from corekit.cli.source_folder import Source, as_if_installed
from corekit.cli.trial import NothingCheckedError, trial
from corekit.errors import ArgumentError, UnknownNameError
from corekit.registry import record


@click.command(
    short_help="Check that a plugin behaves.",
    epilog="Example: corekit check corekit-layers-basic    or, of a folder: corekit check ./my-plugin --only gradients",
)
@click.argument("plugin", metavar="DISTRIBUTION|FOLDER")
@click.option("--only", multiple=True, metavar="CHECK", help="Only this check; may be given several times.")
@click.option("--component", "components", multiple=True, metavar="NAME", help="Only this one; also several times.")
@click.option(
    "--timeout", type=click.FloatRange(min=0, min_open=True), default=120.0, show_default=True, metavar="SECONDS",
    help="End the checks of one component after this time.",
)  # fmt: skip
@options.as_json
def check(plugin: str, only: tuple[str, ...], components: tuple[str, ...], timeout: float, as_json: bool) -> None:
    """Run the conformance kit on all components of a plugin: one that is installed, or one in a folder.

    The plugin of a folder is taken as it stands there, and need not be installed. Plugins run in processes of their
    own: a component that crashes, hangs or exits is a failure, and the others are checked all the same.

    The tier says what all components do: "works"; "trains": with right gradients; "lasts": also in files and after a
    restart; "complete": also compiled, exported, on other devices and in several processes. It is computed from the
    results, and `corekit list` shows it.

    Exit codes: 0 no check failed; 1 one did; 2 nothing was checked: there is no such plugin, component or check.
    """
    is_whole, progress = not (only or components), _Progress()
    try:
        with _source(plugin) as source:
            found = trial(
                source.distribution,
                only=only,
                components=components,
                timeout=timeout,
                env=source.env,
                progress=progress,
            )
    except (NothingCheckedError, UnknownNameError, ArgumentError) as error:
        raise click.UsageError(str(error)) from error
    finally:
        progress("")
    card = scorecard.as_data(found, is_whole=is_whole)
    if is_whole and not source.env:
        _remember(card)
    if as_json:
        click.echo(json.dumps(card, indent=2))
    else:
        scorecard.show(card)
    if any(one["status"] == "failed" for one in found.outcomes):
        sys.exit(1)


def _source(plugin: str) -> AbstractContextManager[Source]:
    """Return what is meant: a folder where there is one of that name with a pyproject.toml, else what is installed."""
    folder = Path(plugin)
    if os.sep in plugin or plugin == "." or (folder / "pyproject.toml").is_file():
        return as_if_installed(folder)
    [name] = distributions.named([plugin], distributions.installed())
    return nullcontext(Source(name, {}))


class _Progress:
    """A line on a terminal that is written over; elsewhere nothing."""

    def __init__(self) -> None:
        self.shown = ""

    def __call__(self, line: str) -> None:
        """Show a line in place of the last one."""
        if line != self.shown and sys.stderr.isatty():
            width = shutil.get_terminal_size().columns - 1  # a line that wraps could not be written over
            click.echo(f"\r\x1b[2K{line[:width]}", nl=False, err=True)
            self.shown = line


def _remember(card: dict[str, object]) -> None:
    kept = ("version", "corekit", "torch", "tier", "components")
    record.keep_card(str(card["distribution"]), {key: card[key] for key in kept})
