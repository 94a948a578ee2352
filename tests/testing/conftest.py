"""How the tests of the conformance kit run one check on one class."""

from collections.abc import Callable
from typing import Any

import pytest

from corekit.protocols.example import examples_of
from corekit.testing.case import subject_of
from corekit.testing.kit import Outcome, run


@pytest.fixture(scope="session")
def outcome_of() -> Callable[..., Outcome]:
    """Return `outcome_of(value, kind, check)`: what comes of one check, tried with the examples of the value's base."""

    def ask(value: Any, kind: str, check: str) -> Outcome:
        inherited = next((found for one in getattr(value, "__mro__", [value]) if (found := examples_of(one))), ())
        (outcome,) = run([subject_of(value, kind, examples=inherited)], (check,))
        return outcome

    return ask


@pytest.fixture(scope="session", autouse=True)
def counted(request: pytest.FixtureRequest) -> Any:
    """Print, at the end, how many seeded faults were tried and how many the kit caught."""
    counts: dict[str, list[int]] = {}
    yield counts
    capture = request.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        for kind, (tried, caught) in counts.items():
            print(f"\n{kind}: {caught} of {tried} seeded faults caught", end="")
