"""The command `corekit`: looks at plugins, decides about them, starts new ones. Imports no torch or plugin by itself.

One file per command, imported when the command is used. A command that has to look at a plugin's code says so.
"""

from __future__ import annotations

import importlib
from typing import Any

import click

from corekit import __version__
from corekit.errors import CorekitError

COMMANDS = {
    "bench": "corekit.cli.bench:bench",
    "bisect": "corekit.cli.bisect:bisect",
    "check": "corekit.cli.check:check",
    "convert": "corekit.cli.convert:convert",
    "disable": "corekit.cli.disable:disable",
    "doctor": "corekit.cli.doctor:doctor",
    "enable": "corekit.cli.enable:enable",
    "export": "corekit.cli.export:export",
    "info": "corekit.cli.info:info",
    "inspect": "corekit.cli.inspect:inspect",
    "list": "corekit.cli.listing:listing",
    "lock": "corekit.cli.lock:lock",
    "new": "corekit.cli.new:new",
    "stubs": "corekit.cli.stubs:stubs",
    "sync": "corekit.cli.sync:sync",
    "timings": "corekit.cli.timings:timings",
    "why": "corekit.cli.why:why",
}


class LazyGroup(click.Group):
    """A group that imports a command when it is asked for, and prints corekit's errors without a traceback."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names that exist."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command: one of corekit's, else what a plugin adds."""
        if cmd_name not in COMMANDS:
            from corekit.cli import added  # hook modules are plugins' code

            return added.command(cmd_name)
        module, _, attribute = COMMANDS[cmd_name].partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Say which plugins may have more commands."""
        from corekit.cli import added

        if note := added.note():
            formatter.write_paragraph()
            formatter.write_text(note)
        super().format_epilog(ctx, formatter)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; an error of corekit's own is a message for people, exit code 1."""
        try:
            return super().invoke(ctx)
        except CorekitError as error:
            raise click.ClickException(f"{type(error).__name__}: {error}") from error


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=(
        "Exit codes: 0 it is done; 1 what was asked for is not there, is broken or differs; "
        "2 the command line is wrong.\n\n"
        "Example: corekit list"
    ),
)
@click.version_option(__version__, prog_name="corekit")
def group() -> None:
    """Look at installed corekit plugins, decide which are used, and start new ones."""


def main() -> None:
    """Run the command line; the entry point of the script `corekit` and of `python -m corekit`."""
    group(prog_name="corekit")


__all__ = ["group", "main"]
