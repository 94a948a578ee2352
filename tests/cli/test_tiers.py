import re
from pathlib import Path

import pytest

from corekit.cli.tiers import TIER_OF, TIERS, least, tier
from corekit.testing.kit import CHECKED_BY, checks_for

PAGE = Path(__file__).parents[2] / "docs" / "testing.md"
ENOUGH = {"check": "enough", "status": "passed"}


def outcomes(**statuses):
    return [*({"check": check, "status": status} for check, status in statuses.items()), ENOUGH]


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ({"shapes": "passed", "compiles": "passed"}, "complete"),
        ({"shapes": "passed", "compiles": "failed"}, "lasts"),
        ({"shapes": "passed", "compiles": "expected"}, "lasts"),
        ({"shapes": "passed", "compiles": "skipped"}, "complete"),
        ({"shapes": "passed", "file": "failed", "compiles": "failed"}, "trains"),
        ({"shapes": "passed", "gradients": "failed"}, "works"),
        ({"shapes": "failed", "gradients": "passed"}, "-"),
        ({"a_check_of_another_year": "failed", "gradients": "passed"}, "-"),
        ({"shapes": "skipped"}, "-"),
        ({}, "-"),
    ],
)
def test_tier_is_below_the_first_failure(statuses, expected):
    assert tier(outcomes(**statuses)) == expected


def test_run_that_was_cut_short_has_no_tier():
    assert tier(outcomes(shapes="passed")[:-1]) == "-"


def test_too_few_checks_have_no_tier():
    assert tier([{"check": "shapes", "status": "passed"}, {"check": "enough", "status": "failed"}]) == "-"


def test_distribution_is_as_good_as_its_worst():
    assert least(["complete", "works", "lasts"]) == "works"


def test_tiers_name_only_checks_that_exist():
    known = {check.name for kind in CHECKED_BY for check in checks_for(kind).checks}

    assert TIER_OF.keys() <= known


def test_page_tells_the_checks_of_each_tier():
    rows = [line.split("|") for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    told = {row[1].strip(): set(re.findall(r"`(\w+)`", row[3])) for row in rows}

    assert {tier: told[tier] for tier in TIERS[1:]} == {
        tier: {check for check in TIER_OF if TIER_OF[check] == tier} for tier in TIERS[1:]
    }
