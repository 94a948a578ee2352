"""How the tests of the conformance kit run one check on one class."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from corekit.protocols.example import examples_of
from corekit.testing.case import subject_of
from corekit.testing.kit import Outcome, run

COUNTS = "seeded faults"
"""The property of a test's reports that holds what it counted."""


@pytest.fixture(scope="session")
def outcome_of() -> Callable[..., Outcome]:
    """Return `outcome_of(value, kind, check)`: what comes of one check, tried with the examples of the value's base."""

    def ask(value: Any, kind: str, check: str) -> Outcome:
        inherited = next((found for one in getattr(value, "__mro__", [value]) if (found := examples_of(one))), ())
        (outcome,) = run([subject_of(value, kind, examples=inherited)], (check,))
        return outcome

    return ask


@pytest.fixture
def counted(request: pytest.FixtureRequest) -> Iterator[dict[str, list[int]]]:
    """A dict for a test to count in: kind -> how many seeded faults it tried, and how many of them the kit caught."""
    counts: dict[str, list[int]] = {}
    yield counts
    request.node.user_properties.append((COUNTS, counts))  # reports bring it here from the processes of xdist, too


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how many seeded faults were tried and how many the kit caught."""
    sums: dict[str, Counter[str]] = {}
    for report in (one for group in terminalreporter.stats.values() for one in group):
        if getattr(report, "when", "") == "teardown":
            for kind, (tried, caught) in dict(report.user_properties).get(COUNTS, {}).items():
                sums.setdefault(kind, Counter()).update(tried=tried, caught=caught)
    for kind, found in sorted(sums.items()):
        terminalreporter.line(f"{kind}: {found['caught']} of {found['tried']} seeded faults caught")
    if sums:
        caught, tried = (sum(one[word] for one in sums.values()) for word in ("caught", "tried"))
        terminalreporter.line(f"{caught} of {tried} seeded faults caught")
