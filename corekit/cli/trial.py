"""Runs the conformance kit on a distribution, in child processes: one that crashes, hangs or exits is a result too."""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from corekit.cli import child
from corekit.errors import CorekitError

START = 120.0
"""Seconds that the start of a child may take, the import of torch included."""

Key = tuple[str, str]
"""The kind and id of a component."""


class NothingCheckedError(CorekitError):
    """What was asked for cannot be checked; the message says why."""


@dataclass
class Trial:
    """What came of a run.

    Args:
        distribution: its canonical name.
        version: of it.
        torch: torch's version.
        components: kind and id of each, in the order of the run.
        outcomes: of each check: `corekit.testing.kit.Outcome` as data, with "kind" and "why".
    """

    distribution: str
    version: str = ""
    torch: str = ""
    components: list[Key] = field(default_factory=list)
    outcomes: list[dict[str, Any]] = field(default_factory=list)

    def of(self, component: Key) -> list[dict[str, Any]]:
        """Return what came of a component's checks."""
        return [one for one in self.outcomes if (one["kind"], one["component"]) == component]


def trial(
    distribution: str,
    *,
    only: Sequence[str] = (),
    components: Sequence[str] = (),
    timeout: float = 120.0,
    env: dict[str, str] | None = None,
    progress: Callable[[str], None] = lambda line: None,
) -> Trial:
    """Run the kit on the components of a distribution; a component that ends the process is told, and the next tried.

    Args:
        distribution: its canonical name.
        only: names of checks; default all.
        components: names of components; default all.
        timeout: seconds that the checks of one component may take.
        env: what is added to the environment of the child processes.
        progress: called some times a second with what is going on.

    Raises:
        NothingCheckedError: there is nothing that could be checked, or a name is not known.
    """
    found = Trial(distribution)
    done: list[Key] = []
    while True:
        asked = {"distribution": distribution, "only": list(only), "components": list(components), "done": done}
        facts, end = _child({**asked, "timeout": timeout}, timeout, env or {}, found, progress)
        refused = next((fact["refused"] for fact in facts if "refused" in fact), "")
        if refused:
            raise NothingCheckedError(refused)
        _take(facts, found)
        if not end:
            return found
        begun = next((fact["begin"] for fact in reversed(facts) if "begin" in fact), None)
        if begun is None or tuple(begun[:2]) in done:
            raise NothingCheckedError(f"{distribution}: before a component was tried, the process {end}")
        found.outcomes.append(_ended(begun, end))
        done = found.components[: found.components.index((begun[0], begun[1])) + 1]


def _child(
    request: dict[str, Any], timeout: float, env: dict[str, str], found: Trial, progress: Callable[[str], None]
) -> tuple[list[dict[str, Any]], str]:
    """Return what one process told, and how it ended; "" if it came to its end."""
    with tempfile.TemporaryDirectory(prefix="corekit-") as folder:
        report, crash, printed = (os.path.join(folder, name) for name in ("report", "crash", "printed"))
        command = [sys.executable, "-m", "corekit.testing.trial", report, crash]
        limit = START + timeout * (len(found.components) or 1000)  # the child ends itself before; this is for the worst
        with open(printed, "wb") as output:
            ended = child.run(
                command,
                timeout=limit,
                input=json.dumps(request),
                env={"OMP_WAIT_POLICY": "PASSIVE", **os.environ, **env},  # spinning threads take a busy machine's cores
                output=output,
                meanwhile=lambda: progress(_line(_told(report), found)),
                ends_all=True,  # the pair of ranks, where the one that asked them ended
            )
        facts, where = _told(report), _text(crash)
    if facts and "end" in facts[-1]:
        return facts, ""
    if ended is None or where.startswith("Timeout"):
        told = "A smaller example is faster, and --timeout gives more time."
        return facts, f"did not end within {timeout:g} s{_last(where)}.  {told}"
    if ended.code < 0:
        return facts, f"crashed ({signal.Signals(-ended.code).name})" + _last(where)
    return facts, f"was ended by it (exit code {ended.code})"


def _last(trace: str) -> str:
    """Return the innermost line of the component's code in a trace of faulthandler, the main thread's."""
    lines = [line.strip() for line in trace.rpartition("most recent call first")[2].splitlines() if "File " in line]
    return f", in {lines[0].removeprefix('File ')}" if lines else ""


def _ended(begun: list[str], how: str) -> dict[str, Any]:
    kind, component, check = begun
    message = f"{component}: the process {how.removesuffix('.')}.\n  Its other checks were not run."
    why = "A component that ends or blocks the process takes the user's training with it."
    return {
        "component": component, "kind": kind, "check": check, "status": "failed",
        "message": message, "seconds": 0.0, "story": "", "why": why,
    }  # fmt: skip


def _take(facts: list[dict[str, Any]], found: Trial) -> None:
    for fact in facts:
        if "components" in fact:
            found.version, found.torch = fact["version"], fact["torch"]
            found.components = [(kind, component) for kind, component in fact["components"]]
        elif "outcome" in fact:
            found.outcomes.append(fact["outcome"])


def _line(facts: list[dict[str, Any]], found: Trial) -> str:
    """Return what is going on, in a line."""
    begun = next((fact["begin"] for fact in reversed(facts) if "begin" in fact), None)
    if begun is None:
        return f"{found.distribution}: starting"
    components = next(fact["components"] for fact in facts if "components" in fact)
    place = components.index(begun[:2]) + 1
    return f"{place}/{len(components)}  {begun[0]} {begun[1].rpartition(':')[2]}: {begun[2]}"


def _told(report: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in _text(report).splitlines(keepends=True) if line.endswith("\n")]


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
