"""Runs a command with some plugins off, in child processes: what `corekit bisect` judges by."""

from __future__ import annotations

import os
from collections.abc import Sequence

import click

from corekit.cli import child
from corekit.registry import policy

VARIABLE = "COREKIT_DISABLE"


class Trials:
    """Runs of one command with some of the suspects on; no run is made twice.

    Args:
        command: for the shell.
        suspects: the distributions that may be switched off.
        timeout: the limit of each run in seconds.
    """

    def __init__(self, command: str, suspects: list[str], timeout: float | None) -> None:
        self.command, self.suspects, self.timeout = command, suspects, timeout
        self._known: dict[frozenset[str], bool] = {}

    @property
    def runs(self) -> int:
        """How many were made."""
        return len(self._known)

    def fails(self, on: Sequence[str]) -> bool:
        """Return whether the command fails with just these suspects on, and tell of the run on stderr."""
        key = frozenset(on)
        if key not in self._known:
            off = [name for name in self.suspects if name not in key]
            ended = child.run(self.command, timeout=self.timeout, env={**os.environ, VARIABLE: disabling(off)})
            self._known[key] = ended is None or ended.code != 0
            how = f"no end in {self.timeout:g} s" if ended is None else f"exit code {ended.code}"
            verdict = f"failed ({how})" if self._known[key] else "ok"
            click.echo(f"run {self.runs}: {len(off)} of {len(self.suspects)} off: {verdict}", err=True)
        return self._known[key]


def disabling(off: Sequence[str]) -> str:
    """Return the COREKIT_DISABLE that switches these off besides what it does already."""
    return ",".join([*policy.in_variable(VARIABLE), *off])
