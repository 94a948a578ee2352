import pytest

from corekit.cli.tiers import TIER_OF, least, tier
from corekit.testing.kit import CHECKED_BY, checks_for

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
