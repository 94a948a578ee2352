"""The pytest plugin of corekit: a fixture, the kit without a test file, and what came of it below the tests' results.

pytest loads it wherever corekit is installed, so it imports neither torch nor the kit before a test wants them; and it
does nothing where no test is a check of the kit. `-p no:corekit` leaves it out.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from corekit.errors import CorekitError

if TYPE_CHECKING:
    from corekit.registry import Registry

PROPERTY = "corekit"
"""The property of a report (and of junit's XML) that holds the outcome of a check, as JSON."""

STATUSES = ("passed", "skipped", "failed", "expected")
SKIPS_SHOWN = 8


@pytest.fixture
def isolated_registry() -> Iterator[Registry]:
    """Give a test the registry without the developer's own decisions, and forget afterwards what the test registered.

    What is installed stays visible; `with corekit.plugins(allow=["my-plugin"]):` inside narrows it down.
    """
    from corekit.registry import registry

    with registry.isolated() as isolated:
        yield isolated


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --corekit-check."""
    parser.getgroup("corekit").addoption(
        "--corekit-check",
        action="append",
        default=[],
        metavar="DISTRIBUTION",
        help="run corekit's conformance kit on the components of an installed plugin, beside the tests",
    )


@pytest.hookimpl(tryfirst=True)  # so that -k and -m choose among these too
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Add the checks that --corekit-check asks for."""
    distributions: list[str] = config.getoption("corekit_check")
    if distributions:
        from corekit.testing.items import items_of  # imports torch

        try:
            items += [item for distribution in distributions for item in items_of(session, distribution)]
        except CorekitError as error:
            raise pytest.UsageError(f"--corekit-check: {error}") from error


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Put the outcome of a check into the report: also those of xdist's workers reach the summary so."""
    if call.when == "call" and (outcome := _outcome(item)) is not None:
        item.user_properties.append((PROPERTY, json.dumps(outcome)))
    return (yield)


def _outcome(item: pytest.Item) -> dict[str, Any] | None:
    """Return what came of the check that a test made; None where it made none."""
    params = getattr(getattr(item, "callspec", None), "params", {})
    for bound in (getattr(item, "bound", None), *params.values()):
        if type(bound).__module__ == "corekit.testing.parametrize" and bound.outcome is not None:
            found: dict[str, Any] = {"kind": bound.subject.kind, **bound.outcome.as_json()}
            return found
    return None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the counts of each component, and keep all outcomes in pytest's cache as "corekit/checks"."""
    reports = [report for group in terminalreporter.stats.values() for report in group]
    outcomes = [
        json.loads(value)
        for report in reports
        if getattr(report, "when", "") == "call"
        for name, value in getattr(report, "user_properties", ())
        if name == PROPERTY
    ]
    outcomes = [one for one in outcomes if (one["check"], one["status"]) != ("enough", "passed")]  # it is no check
    if not outcomes:
        return
    cache = getattr(config, "cache", None)  # there is none with -p no:cacheprovider
    if cache is not None:
        cache.set("corekit/checks", [{**outcome, "story": ""} for outcome in outcomes])
    terminalreporter.section("corekit checks")
    for line in summary(outcomes, is_short=config.get_verbosity() < 0):
        terminalreporter.line(line)


def summary(outcomes: list[dict[str, Any]], *, is_short: bool = False) -> list[str]:
    """Return lines: the counts of each component, why checks were skipped, and the sums; only these if short."""
    lines = []
    if not is_short:
        by_component: dict[str, Counter[str]] = {}
        for one in outcomes:
            name = f"{one['kind']} {one['component']}"
            by_component.setdefault(name, Counter())[one["status"]] += 1
        width = max(map(len, by_component))
        lines += [f"{name:<{width}}  {_counted(counts)}" for name, counts in sorted(by_component.items())]
        reasons = Counter(one["message"] for one in outcomes if one["status"] == "skipped")
        lines += [f"skipped {count}: {reason}" for reason, count in reasons.most_common(SKIPS_SHOWN)]
        lines += [f"and {len(reasons) - SKIPS_SHOWN} more reasons"] if len(reasons) > SKIPS_SHOWN else []
        expected = [one for one in outcomes if one["status"] == "expected"]
        lines += [f"expected: {one['component']} {one['check']}: {one['message']}" for one in expected]
    components = len({(one["kind"], one["component"]) for one in outcomes})
    total = _counted(Counter(one["status"] for one in outcomes))
    return [*lines, f"{components} component{'' if components == 1 else 's'}: {total}"]


def _counted(counts: Counter[str]) -> str:
    ran = sum(counts[status] for status in STATUSES if status != "skipped")
    return f"{ran:>4} run, {counts['skipped']} skipped, {counts['failed']} failed, {counts['expected']} expected"
