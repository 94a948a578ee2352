import pytest
from hypothesis import given
from hypothesis import strategies as st

from corekit.cli.culprits import culprits, smallest

SUSPECTS = "abcdefgh"


def failing(*groups):
    return lambda on: any(set(group) <= set(on) for group in groups)


@pytest.mark.parametrize(
    ("groups", "found"),
    [
        ([], []),
        (["e"], [["e"]]),
        (["a", "h"], [["a"], ["h"]]),
        (["a", "b", "c"], [["a"], ["b"], ["c"]]),
        (["bg"], [["b", "g"]]),
        (["c", "bg"], [["b", "g"], ["c"]]),
        (["ab", "cd"], [["a", "b"], ["c", "d"]]),
        (["abcdefgh"], [list("abcdefgh")]),
        (list("abcdefgh"), [[letter] for letter in "abcdefgh"]),
    ],
)
def test_every_culprit_is_found(groups, found):
    assert sorted(culprits(SUSPECTS, failing(*groups))) == found


def test_one_of_many_takes_few_trials():
    tried = []
    suspects = [str(number) for number in range(256)]

    found = culprits(suspects, lambda on: tried.append(1) or "77" in on)

    assert found == [["77"]]
    assert len(tried) <= 2 + 2 * 8


@given(st.lists(st.sets(st.sampled_from(SUSPECTS), min_size=1), max_size=5))
def test_groups_are_smallest_and_without_their_first_it_succeeds(groups):
    fails = failing(*groups)

    found = culprits(SUSPECTS, fails)

    assert not fails([letter for letter in SUSPECTS if letter not in [group[0] for group in found]])
    for group in found:
        assert fails(group)
        assert not any(fails([other for other in group if other != one]) for one in group)


def test_a_failure_for_want_of_a_part_ends_too():
    """`b` fails unless `a` is there as well: fewer suspects do not always fail less."""
    assert smallest(list("abcd"), lambda on: "d" in on or ("b" in on and "a" not in on)) in (["b"], ["d"])
