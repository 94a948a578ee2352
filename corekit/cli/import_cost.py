"""What importing a plugin costs, each time in a fresh process with a time limit: a crash or a hang is a result too."""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from corekit.cli import child

SCRIPT = Path(__file__).with_name("import_once.py")


@dataclass(frozen=True)
class Cost:
    """What an import cost, beyond torch and corekit: medians; None where it is not known.

    Args:
        ms: time.
        modules: how many were pulled in.
        megabytes: growth of the memory that the process holds; None where the system does not tell.
        error: why it could not be measured, in a few words; "" where it could.
    """

    ms: float | None = None
    modules: int | None = None
    megabytes: float | None = None
    error: str = ""


def import_cost(targets: Sequence[str], *, repeat: int, timeout: float) -> Cost:
    """Return what importing these costs.

    Args:
        targets: "module:attribute" of each component.
        repeat: how many processes; the first one that fails is the last.
        timeout: of each process, its start and torch included, in seconds.
    """
    runs: list[dict[str, Any]] = []
    for _ in range(repeat):
        found = _once(targets, timeout)
        if "error" in found:
            return Cost(error=found["error"])
        runs.append(found)
    modules = statistics.median_low([run["modules"] for run in runs])
    memory = [run["megabytes"] for run in runs]
    megabytes = None if None in memory else statistics.median(memory)
    return Cost(statistics.median([run["ms"] for run in runs]), modules, megabytes)


def _once(targets: Sequence[str], timeout: float) -> dict[str, Any]:
    asked = json.dumps({"path": sys.path, "targets": list(targets)})
    # -P: the folder of the script holds modules that are named like Python's own
    ended = child.run([sys.executable, "-P", str(SCRIPT)], timeout=timeout, input=asked, keep_output=True)
    if ended is None:
        return {"error": f"no end in {timeout:g} s"}
    if not ended.output:
        how = f"exit code {ended.code}" if ended.code >= 0 else f"signal {-ended.code}"
        return {"error": f"its import ended the process ({how})"}
    answer: dict[str, Any] = json.loads(ended.output)
    return answer
