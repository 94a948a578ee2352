"""What `corekit check` runs in a process of its own: the kit, on the components of one distribution.

    python -m corekit.testing.trial REPORT CRASH < REQUEST

REQUEST is JSON: the distribution, the checks and components that are wanted (none named: all), the components that
earlier processes have tried already, and the seconds that one may take. REPORT gets a line of JSON before and after
each thing, so that whoever reads it knows which one ended the process; CRASH the lines of Python in which it ended.
"""

from __future__ import annotations

import faulthandler
import json
import os
import sys
import traceback
from collections.abc import Callable
from typing import Any

import torch

from corekit.registry import Component, registry
from corekit.registry.component import fold
from corekit.testing.case import components_of, installed
from corekit.testing.kit import Outcome, checks_for, enough, run_check

Tell = Callable[..., None]


def main(report: str, crash: str) -> None:
    """Answer the request on stdin."""
    request = json.load(sys.stdin)
    with open(report, "a", encoding="utf-8") as file, open(crash, "w", encoding="utf-8") as trace:

        def tell(**fact: Any) -> None:
            file.write(json.dumps(fact) + "\n")
            file.flush()

        faulthandler.enable(trace)
        faulthandler.dump_traceback_later(request["timeout"], exit=True, file=trace)  # hooks are run
        mine, refusal = wanted(request)
        faulthandler.cancel_dump_traceback_later()
        if refusal:
            tell(refused=refusal)
        else:
            tell(
                version=mine[0].version,
                torch=torch.__version__,
                components=[[component.kind, component.id] for component in mine],
            )
            done = {tuple(one) for one in request["done"]}
            for component in mine:
                if (component.kind, component.id) not in done:
                    faulthandler.dump_traceback_later(request["timeout"], exit=True, file=trace)
                    _try(component, request["only"], tell)
                    faulthandler.cancel_dump_traceback_later()
        tell(end=True)
        sys.stdout.flush()
    os._exit(0)  # whatever threads and exit handlers the components left behind


def wanted(request: dict[str, Any]) -> tuple[list[Component], str]:
    """Return the components to try; or why there are none."""
    name = request["distribution"]
    mine = components_of(name)
    if not mine:
        told = "".join(f"\n  {problem}" for problem in registry.problems() if problem.distribution == name)
        return [], f"{name} offers no component.{told}"
    if lack := registry.lack(name):
        return [], f"{name} cannot be used: {lack}"
    for asked in request["components"]:
        if not any(_is(one, asked) for one in mine):
            return [], f"{name} has no component {asked!r}. It has {', '.join(one.name for one in mine)}."
    mine = [one for one in mine if not request["components"] or any(_is(one, asked) for asked in request["components"])]
    names = {check.name for one in mine for check in checks_for(one.kind).checks}
    for asked in request["only"]:
        if asked not in names:
            return [], f"no check of these components is called {asked!r}. There are {', '.join(sorted(names))}."
    return mine, ""


def _is(component: Component, asked: str) -> bool:
    name = fold(asked.rpartition(":")[2])
    return any(fold(one) == name for one in (component.name, *component.aliases))


def _try(component: Component, only: list[str], tell: Tell) -> None:
    """Import a component and run its checks, telling each."""
    outcomes: list[Outcome] = []

    def told(outcome: Outcome, why: str) -> None:
        outcomes.append(outcome)
        tell(outcome={**outcome.as_json(), "kind": component.kind, "why": why})

    tell(begin=[component.kind, component.id, "imports"])
    try:
        subject = installed(component)
    except BaseException as error:  # SystemExit too
        cause = error.__cause__ or error
        message = f"{component.id} cannot be imported: {type(cause).__name__}: {cause}"
        told(Outcome(component.id, "imports", "failed", message, story=traceback.format_exc()), IMPORTS)
        return
    for check in checks_for(component.kind).checks:
        if not only or check.name in only:
            tell(begin=[component.kind, component.id, check.name])
            told(run_check(subject, check), check.why)
    if not only:
        told(enough(subject, outcomes), ENOUGH)


IMPORTS = "What cannot be imported, cannot be used."
ENOUGH = "A component must not pass because checks do not apply to it."

if __name__ == "__main__":
    main(*sys.argv[1:])
