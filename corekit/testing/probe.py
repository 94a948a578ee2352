"""What `corekit doctor` runs in a process of its own: imports one plugin, and tells what that did.

    python -m corekit.testing.probe DISTRIBUTION REPORT

REPORT gets a line of JSON before and after each thing that is imported, so that whoever reads it knows which one ended
the process. What the plugin prints goes where the process prints.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

from corekit.registry import hooks, index, registry
from corekit.registry.component import described
from corekit.testing.effects import effects, snapshot


def own_complaints(loaded: hooks.Loaded) -> list[str]:
    """Return what a plugin's own `check_installation` finds wrong."""
    said: list[str] = []
    failed = hooks.call(
        loaded.functions.get("check_installation", []), {"complain": lambda text: said.append(str(text))}
    )
    return [*said, *(problem.message for problem in failed)]


def main(distribution: str, report: str) -> None:
    """Import a distribution's components, then run its hook modules."""
    with open(report, "w", encoding="utf-8") as file:

        def tell(**fact: Any) -> None:
            file.write(json.dumps(fact) + "\n")
            file.flush()

        before = snapshot()
        for component in registry.components():
            if component.distribution == distribution:
                label = f"{component.kind} {component.name}"
                tell(begin=label)
                start, error = time.perf_counter(), None
                try:
                    registry.load(component)
                except BaseException as caught:
                    error = described(caught.__cause__ or caught)
                tell(end=label, ms=1e3 * (time.perf_counter() - start), error=error)
        offered: list[str] = []
        complaints: list[str] = []
        for module in index.current().hooks:
            if module.distribution == distribution:
                label = f'hook module "{module.module}"'
                tell(begin=label)
                start = time.perf_counter()
                loaded = hooks.load([module])
                offered += [f"{component.kind} {component.name}" for component in loaded.components]
                took = 1e3 * (time.perf_counter() - start)
                tell(end=label, ms=took, error=loaded.problems[0].message if loaded.problems else None)
                complaints += own_complaints(loaded)
        sys.stdout.flush()
        tell(effects=effects(before, snapshot()), offered=sorted(offered), complaints=complaints)
    os._exit(0)  # whatever threads and exit handlers it left behind


if __name__ == "__main__":
    main(*sys.argv[1:])
