import pytest

from corekit.cli.scorecard import as_data, show
from corekit.cli.trial import Trial

WHY = "It breaks [red]things[/red] in real life."


def outcome(check, status, message="", *, kind="layers", component="a:Norm"):
    return {
        "component": component, "kind": kind, "check": check, "status": status, "message": message, "seconds": 0.5,
        "story": "", "why": WHY,
    }  # fmt: skip


OUTCOMES = [
    outcome("shapes", "passed"),
    outcome("link", "skipped", "it has no link"),
    outcome("gradients", "failed", "Norm() on (batch, 3)\n  expected: 1\n  got:      [2]"),
    outcome("compiles", "expected", "it prints"),
    outcome("enough", "passed"),
    outcome("shapes", "passed", kind="initializers"),
    outcome("enough", "passed", kind="initializers"),
]


@pytest.fixture
def found():
    return Trial("a", "1.0", "2.13", [("layers", "a:Norm"), ("initializers", "a:Norm")], OUTCOMES)


@pytest.fixture
def printed(found, capsys, monkeypatch):
    def call(columns=120, **how):
        monkeypatch.setattr("corekit.cli.scorecard.WIDTH", columns)
        show(as_data(found, **{"is_whole": True, **how}))
        return capsys.readouterr().out

    return call


def test_counts_are_of_a_component_of_a_kind(found):
    rows = as_data(found, is_whole=True)["components"]

    counts = [(one["kind"], one["ran"], one["skipped"], one["failed"], one["expected"], one["tier"]) for one in rows]
    assert counts == [("layers", 3, 1, 1, 1, "works"), ("initializers", 1, 0, 0, 0, "complete")]


def test_failure_says_why_it_matters(printed):
    text = printed()

    assert "layers Norm: gradients\n  Norm() on (batch, 3)\n    expected: 1\n    got:      [2]\n" in text
    assert f"  Why it matters: {WHY}\n" in text


def test_last_lines_are_the_sums_and_the_tier(printed):
    assert printed().endswith(
        "2 components, 4 checks in 3.5 s: 2 passed, 1 skipped, 1 failed, 1 expected\n"
        'tier: works; in the way of "trains": layers Norm: gradients\n'
    )


def test_part_of_a_run_has_no_tier(printed):
    assert "tier" not in printed(is_whole=False)


def test_narrow_terminal_loses_no_count(printed):
    lines = [line.split() for line in printed(columns=44).splitlines()]

    assert ["component", "ran", "skip", "fail", "exp.", "tier"] in lines
    assert ["Norm", "3", "1", "1", "1", "works"] in lines
