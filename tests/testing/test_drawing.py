import sys

import pytest

from corekit.testing.drawing import for_all
from corekit.testing.kit import Failure, Skip


def test_same_numbers_are_drawn_each_time():
    first, again = [], []

    for_all(lambda size: first.append(size), size=(0, 1000))
    for_all(lambda size: again.append(size), size=(0, 1000))

    assert first == again
    assert len(set(first)) > 5


def test_smallest_failing_number_is_told():
    def below_five(size):
        if size >= 5:
            raise Failure(f"size {size}")

    with pytest.raises(Failure, match=r"^size 5\b"):
        for_all(below_five, size=(0, 1000))


def test_skip_passes_through():
    def never(size):
        raise Skip("it does not apply")

    with pytest.raises(Skip, match="does not apply"):
        for_all(never, size=(0, 3))


def test_missing_hypothesis_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "hypothesis", None)

    with pytest.raises(Failure, match=r'pip install "corekit\[testing\]"'):
        for_all(lambda size: None, size=(0, 3))
