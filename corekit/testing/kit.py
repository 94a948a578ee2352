"""The conformance kit: named checks for each kind of component, their outcomes, and how many there must be.

A check is a function of a case. It returns where all is well, raises `Skip` where it does not apply, and `Failure`
(or anything else) where the component does not behave. Its docstring says what breaks in real life when it fails.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from importlib import import_module
from typing import Any, NoReturn

import torch

from corekit.errors import CorekitError
from corekit.testing.case import Case, Subject

CHECKED_BY = {
    "layers": "corekit.testing.layers",
    "activations": "corekit.testing.activations",
    "initializers": "corekit.testing.initializers",
    "regularizers": "corekit.testing.regularizers",
    "constraints": "corekit.testing.constraints",
    "optimizers": "corekit.testing.optimizers",
    "schedules": "corekit.testing.schedules",
    "losses": "corekit.testing.losses",
    "metrics": "corekit.testing.metrics",
    "callbacks": "corekit.testing.callbacks",
    "ops": "corekit.testing.ops",
}
"""The module of each kind's checks."""

Function = Callable[[Case], None]


class Failure(CorekitError, AssertionError):  # noqa: N818 - the outcome of a check, as pytest calls it
    """A component does not behave. The message says on which input, what was expected, what came, and what to do."""


class Skip(Exception):  # noqa: N818 - it is no error
    """A check does not apply; the message says why."""


@dataclass(frozen=True)
class Check:
    """A named check of one kind.

    Args:
        name: what authors declare and reports show.
        run: the function.
        once: whether the first example is enough, as where a compiler is needed.
    """

    name: str
    run: Function
    once: bool = False

    @property
    def why(self) -> str:
        """What breaks in real life when it fails."""
        return (self.run.__doc__ or "").strip()


@dataclass(frozen=True)
class Outcome:
    """What came of a check of a component: "passed", "skipped", "failed" or "expected" (a declared failure)."""

    component: str
    check: str
    status: str
    message: str = ""
    seconds: float = 0.0
    story: str = ""  # the traceback of what was no plain Failure

    def as_json(self) -> dict[str, Any]:
        """Return it as data."""
        return asdict(self)


class CheckList:
    """The checks of one kind, in the order in which they were written.

    Args:
        kind: "layers" and so on.
        minimum: how many must run (not be skipped) for a component; fewer is a failure.
    """

    def __init__(self, kind: str, minimum: int) -> None:
        self.kind, self.minimum = kind, minimum
        self.checks: list[Check] = []

    def check(self, function: Function) -> Function:
        """Add a check that is run on each case; a decorator."""
        return self._add(function, once=False)

    def once(self, function: Function) -> Function:
        """Add a check for which one case is enough; a decorator."""
        return self._add(function, once=True)

    def add(self, other: CheckList) -> None:
        """Take over the checks of another list of the same kind."""
        self.checks += other.checks

    def _add(self, function: Function, *, once: bool) -> Function:
        assert function.__doc__, f"{function.__name__} does not say what breaks when it fails"
        self.checks.append(Check(function.__name__, function, once))
        return function


def checks_for(kind: str) -> CheckList:
    """Return the checks of a kind; importing them imports torch. Of a kind that the kit does not know: none."""
    if kind not in CHECKED_BY:
        return CheckList(kind, minimum=0)
    found: CheckList = import_module(CHECKED_BY[kind]).CHECKS
    return found


def fail(case: Case, *, expected: Any, got: Any, fix: str, on: str = "") -> NoReturn:
    """Raise a Failure.

    Args:
        case: on which it failed.
        expected: in words or values.
        got: the same.
        fix: what is most likely to be written instead.
        on: what was special about the input.
    """
    raise Failure(f"{case}{', ' if on else ''}{on}\n  expected: {expected}\n  got:      {got}\n  {fix}")


def run_check(subject: Subject, check: Check) -> Outcome:
    """Run a check on a component's cases and return what came of it; nothing but KeyboardInterrupt gets out."""
    start = time.perf_counter()
    with torch.random.fork_rng(devices=()):
        status, message, story = _tried(subject, check)
    if check.name in subject.known_failures:
        reason = subject.known_failures[check.name]
        if status == "failed":
            status, message, story = "expected", reason, ""
        else:
            told = f'known_failure("{check.name}", "{reason}") is declared, and it {status}. Take the line away.'
            status, message = "failed", told
    return Outcome(subject.id, check.name, status, message, time.perf_counter() - start, story)


def run(subjects: Iterable[Subject], only: Iterable[str] = ()) -> list[Outcome]:
    """Run all checks, or those of the names `only`, on components; and see that enough of them ran."""
    names = set(only)
    found = []
    for subject in subjects:
        listed = checks_for(subject.kind)
        wanted = [check for check in listed.checks if not names or check.name in names]
        mine = [run_check(subject, check) for check in wanted]
        found += mine if names else [*mine, enough(subject, mine)]
    return found


def enough(subject: Subject, outcomes: list[Outcome]) -> Outcome:
    """Return whether as many checks ran as the kind demands: a component must not pass by being skipped."""
    if subject.kind not in CHECKED_BY:
        return Outcome(subject.id, "enough", "skipped", f"the kit has no checks for {subject.kind}")
    ran = sum(outcome.status in ("passed", "failed", "expected") for outcome in outcomes)
    minimum = checks_for(subject.kind).minimum
    if ran >= minimum:
        return Outcome(subject.id, "enough", "passed")
    skipped = "; ".join(f"{one.check} ({one.message})" for one in outcomes if one.status == "skipped")
    message = f"{subject.id}: {ran} checks ran, and {subject.kind} demand {minimum}. Skipped: {skipped or 'none'}."
    return Outcome(subject.id, "enough", "failed", message)


def _tried(subject: Subject, check: Check) -> tuple[str, str, str]:
    if not subject.examples:
        return "failed", _no_example(subject), ""
    skipped = ""
    cases = subject.cases[:1] if check.once else subject.cases
    ran = False
    for case in cases:
        try:
            check.run(case)
            ran = True
        except Skip as reason:
            skipped = str(reason)
        except Failure as failure:
            return "failed", str(failure), ""
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # SystemExit too: a component must not end its own trial
            return "failed", f"{case}: {check.name} raised {type(error).__name__}: {error}", traceback.format_exc()
    return ("passed", "", "") if ran else ("skipped", skipped, "")


def _no_example(subject: Subject) -> str:
    return (
        f"{subject.id}: the kit does not know how to make or call it.\n"
        f"  Declare it above the class or function:  @ck.example((8,), argument=value)  "
        "with the input's shape and the arguments."
    )
