"""What a run shows: a live bar in a terminal or notebook, plain lines elsewhere.

It looks at the device, and draws, four times a second at most: a drawing takes two milliseconds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from corekit.errors import ArgumentError

READ_EVERY = 0.25  # seconds


class ProgressBar:
    """Shows one pass over the data after another.

    Args:
        verbose: 0 silent, 1 a live bar (plain lines where the output is no terminal), 2 one line per pass; "auto" is 1.
        title: what each pass is called: "Epoch", or "" for a lone pass.
        passes: how many there will be.
        steps: batches per pass, where known.
    """

    def __init__(self, verbose: str | int, title: str, passes: int, steps: int | None) -> None:
        if verbose not in ("auto", 0, 1, 2):
            raise ArgumentError(f'verbose={verbose!r}: expected 0, 1, 2 or "auto".')
        self.level = 1 if verbose == "auto" else int(verbose)
        self.title, self.passes, self.steps = title, passes, steps
        self._live: Progress | None = None
        self._console = Console() if self.level else None

    def start(self, number: int) -> None:
        """Begin a pass; `number` counts from 0."""
        self._began = self._read_at = time.monotonic()
        self._step = 0
        self._label = f"{self.title} {number + 1}/{self.passes}" if self.title else "Evaluate"
        console = self._console
        self._draws = self.level == 1 and console is not None and (console.is_terminal or console.is_jupyter)

    def _open(self) -> Progress:
        """Show the bar; not before there is something to show, since drawing costs as much as many small steps."""
        columns = [TextColumn("{task.description}"), BarColumn(24), MofNCompleteColumn(), TimeElapsedColumn()]
        self._live = Progress(
            *columns, TextColumn("{task.fields[values]}"), console=self._console, auto_refresh=False, transient=True
        )
        self._task = self._live.add_task(self._label, total=self.steps, values="")
        self._live.start()
        return self._live

    def step(self, read: Callable[[], Mapping[str, Any]]) -> None:
        """Note that a batch is done; `read` is asked for values only when they are shown."""
        self._step += 1
        if not self._draws:
            return
        now = time.monotonic()
        if now - self._read_at >= READ_EVERY:
            self._read_at = now
            (self._live or self._open()).update(self._task, completed=self._step, values=_written(read()), refresh=True)

    def finish(self, values: Mapping[str, Any]) -> None:
        """End the pass with its final values."""
        self.stop()  # the bar goes; the line that stays has room for every value
        if self._console is not None:
            took = time.monotonic() - self._began
            line = f"{self._label} - {self._step} steps - {took:.1f}s - {_written(values)}"
            self._console.file.write(f"{line}\n")  # print would look for markup, and take ten times as long
            self._console.file.flush()
        if self.steps is None:
            self.steps = self._step

    def stop(self) -> None:
        """Leave the terminal as it was, also after an error."""
        if self._live is not None:
            self._live.stop()
            self._live = None


def _written(values: Mapping[str, Any]) -> str:
    return " - ".join(f"{name}: {float(value):.4g}" for name, value in values.items())
