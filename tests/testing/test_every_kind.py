"""What is asked of components of several kinds: configs that come back, and no traces."""

import random

import pytest
import torch

from corekit.protocols.configurable import Configurable
from corekit.protocols.example import Example
from corekit.testing.case import Case, Subject
from corekit.testing.every_kind import assert_no_effects, rebuilt
from corekit.testing.kit import Failure, Skip


class Part(Configurable):
    def __init__(self, size=2, inner=None):
        self.size, self.inner = size, inner


def case_of(value, **arguments):
    return Case(Subject("losses", f"local:{value.__name__}", value, ()), Example((), arguments))


def test_parts_inside_come_back_too():
    made = Part(3, inner=Part(4))

    again = rebuilt(case_of(Part), made)

    assert (again.size, again.inner.size) == (3, 4)
    assert again.inner is not made.inner


def test_argument_that_json_cannot_hold_is_told():
    with pytest.raises(Failure, match="not JSON serializable"):
        rebuilt(case_of(Part), Part(inner=object()))


def test_argument_of_the_example_must_be_in_the_config():
    class Forgetful(Part):
        def get_config(self):
            return {"size": 2, "inner": None}

    with pytest.raises(Failure, match="expected: size=5"):
        rebuilt(case_of(Forgetful, size=5), Forgetful(size=5))


def test_torch_class_without_config_is_skipped():
    with pytest.raises(Skip, match="no get_config"):
        rebuilt(case_of(torch.nn.ReLU), torch.nn.ReLU())


def test_seed_that_is_set_again_is_an_effect():
    with pytest.raises(Failure, match="Python's random generator"):
        assert_no_effects(case_of(Part), lambda: random.seed(1))
