"""What the import of each component costs and does, tried in one process of its own for a whole distribution."""

from __future__ import annotations

import functools
import importlib
import json
import subprocess
import sys
import time
from typing import Any

from corekit.registry import registry
from corekit.registry.component import LOCAL
from corekit.testing.case import Case
from corekit.testing.importable import Place, imported, place_of
from corekit.testing.kit import Skip, fail

BUDGET = 300.0
"""Milliseconds that the import of one component may take beyond torch and corekit."""

_LIMIT = 120.0


def import_budget(case: Case) -> None:
    """Every start of every program that uses it pays for the import; and what it changes, it changes for everybody."""
    if not case.subject.where:
        raise Skip("it belongs to this program, not to a distribution")
    place = place_of(case.subject)
    found = _all_of(case.subject.id.partition(":")[0]).get(place.name + "@" + place.module) or tried((place,))[0]
    if found.get("ms", 0.0) > BUDGET:  # perhaps the machine was busy, or it paid for what others share
        found = min(found, tried((place,))[0], key=lambda one: one.get("ms", 0.0))
    judge(case, place, found)


def judge(case: Case, place: Place, found: dict[str, Any]) -> None:
    """Fail where an import went wrong, changed something, or took too long."""
    on = f"import {place.module} in a new process"
    if "error" in found:
        fail(case, on=on, expected="no error", got=found["error"], fix="Import what it needs at the top of its module.")
    if found["effects"]:
        fail(
            case,
            on=on,
            expected="nothing else to change",
            got=f"it {', '.join(found['effects'])}",
            fix="Do at a call what must be done, and nothing at import.",
        )
    if found["ms"] > BUDGET:
        fail(
            case,
            on=on,
            expected=f"at most {BUDGET:g} ms",
            got=f"{found['ms']:.0f} ms",
            fix="Import what is heavy and rarely needed inside the function that needs it.",
        )


@functools.cache
def _all_of(distribution: str) -> dict[str, dict[str, Any]]:
    """Return what was found for each installed component of a distribution, by "name@module"."""
    if distribution == LOCAL:
        return {}
    mine = [one for one in registry.components() if one.distribution == distribution and one.name in one.targets]
    targets = [one.targets[one.name].partition(":") for one in mine]
    places = tuple(Place(module, "", name) for module, _, name in targets)
    return {f"{place.name}@{place.module}": found for place, found in zip(places, tried(places), strict=True)}


def tried(places: tuple[Place, ...]) -> list[dict[str, Any]]:
    """Return {"ms", "effects"} or {"error"} for each, from a new process that imports them in order."""
    script = f"import sys; sys.path[:] = {sys.path!r}; from corekit.testing.imports import main; main()"
    try:
        ended = subprocess.run(
            [sys.executable, "-c", script], input=json.dumps(places), capture_output=True, text=True, timeout=_LIMIT
        )
    except subprocess.TimeoutExpired:
        return [{"error": f"no end in {_LIMIT:g} s"}] * len(places)
    if ended.returncode:
        return [{"error": f"it ended the process with code {ended.returncode}"}] * len(places)
    answer: list[dict[str, Any]] = json.loads(ended.stdout.rpartition("\n")[2])
    return answer


def main() -> None:
    """In the new process: read places from stdin, and write what was found as the last line of stdout."""
    import torch  # noqa: F401 - it is no cost of a plugin

    corekit: Any = importlib.import_module("corekit")
    from corekit.testing.effects import watched

    for name in corekit.__all__:
        getattr(corekit, name)
    answers: list[dict[str, Any]] = []
    for place in json.load(sys.stdin):
        try:
            with watched() as effects:
                began = time.perf_counter()
                imported(Place(*place))
                ms = 1e3 * (time.perf_counter() - began)
            answers.append({"ms": ms, "effects": effects})
        except BaseException as error:  # SystemExit too
            answers.append({"error": " ".join(f"{type(error).__name__}: {error}".split())[:200]})
    sys.stdout.write("\n" + json.dumps(answers))
