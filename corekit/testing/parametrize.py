"""The kit as parametrised tests: one test for each component and check of a distribution."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from corekit.testing.case import Subject, subjects_of
from corekit.testing.kit import Check, Outcome, checks_for, enough, run_check

_RAN: dict[tuple[str, str, str], Outcome] = {}
"""What came of each check in this process, so that the last test, which counts them, need not run them again."""


class BoundCheck:
    """A check of a component, to be called in a test: skips, fails or passes as pytest knows it."""

    def __init__(self, subject: Subject, check: Check | None) -> None:
        self.subject, self.check = subject, check
        self.outcome: Outcome | None = None  # our pytest plugin counts it

    @property
    def name(self) -> str:
        """What the test is called."""
        return f"{self.subject}-{self.check.name if self.check else 'enough'}"

    def __call__(self) -> None:
        """Run it."""
        if self.check is None:
            listed = checks_for(self.subject.kind).checks
            outcome = enough(self.subject, [_ran(self.subject, check) for check in listed])
        else:
            _RAN.pop((self.subject.kind, self.subject.id, self.check.name), None)
            outcome = _ran(self.subject, self.check)
        self.outcome = outcome
        if outcome.status == "skipped":
            pytest.skip(outcome.message)
        if outcome.status == "expected":
            pytest.xfail(outcome.message)
        if outcome.status == "failed":
            why = "" if self.check is None else f"\n\nWhy it matters: {self.check.why}"
            pytest.fail(f"{outcome.message}{why}\n{outcome.story}", pytrace=False)


def _ran(subject: Subject, check: Check) -> Outcome:
    key = subject.kind, subject.id, check.name
    if key not in _RAN:
        _RAN[key] = run_check(subject, check)
    return _RAN[key]


def parametrize_with_checks(distribution: str) -> Callable[..., pytest.MarkDecorator]:
    """Give a test the argument `check`, for each component of an installed distribution and each check of its kind.

    Example:
        >>> @parametrize_with_checks("corekit-layers-sequence")
        ... def test_contract(check):
        ...     check()
    """
    return pytest.mark.parametrize(
        "check", [pytest.param(bound, id=bound.name) for bound in bound_checks(distribution)]
    )


def bound_checks(distribution: str) -> list[BoundCheck]:
    """Return each check of each component of a distribution, and after those of a component: whether enough ran."""
    return [
        BoundCheck(subject, check)
        for subject in subjects_of(distribution)
        for check in (*checks_for(subject.kind).checks, None)
    ]
