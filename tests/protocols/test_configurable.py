"""Recorded constructor arguments."""

import copy

import pytest

from corekit.errors import ArgumentTypeError
from corekit.protocols.configurable import Configurable, refuse_unknown


class Part(Configurable):
    def __init__(self, size, *, rate=0.5):
        self.size, self.rate = size * 2, rate


class Stack(Configurable):
    def __init__(self, *parts, depth=1, **options):
        self.parts, self.depth, self.options = parts, depth, options


def test_config_has_arguments_and_defaults():
    part = Part(3)

    config = part.get_config()

    assert config == {"size": 3, "rate": 0.5}


def test_config_keeps_what_was_given():
    part = Part("ab")

    assert part.size == "abab"
    assert part.get_config()["size"] == "ab"


def test_from_config_makes_an_equal_object():
    part = Part(3, rate=0.1)

    twin = Part.from_config(part.get_config())

    assert (twin.size, twin.rate) == (6, 0.1)


def test_config_spreads_free_keywords():
    stack = Stack(depth=2, color="red")

    assert stack.get_config() == {"depth": 2, "color": "red"}


def test_free_positional_arguments_come_back():
    stack = Stack("a", "b", color="red")

    twin = Stack.from_config(stack.get_config())

    assert (twin.parts, twin.depth, twin.options) == (("a", "b"), 1, {"color": "red"})


def test_from_config_leaves_its_argument_alone():
    config = Stack("a").get_config()
    before = copy.deepcopy(config)

    Stack.from_config(config)

    assert config == before


def test_inherited_constructor_is_recorded():
    class Child(Part):
        pass

    assert Child(1).get_config() == {"size": 1, "rate": 0.5}


def test_own_get_config_wins():
    class Own(Part):
        def get_config(self):
            return {**super().get_config(), "rate": 9}

    assert Own.from_config(Own(1).get_config()).rate == 9


def test_copy_keeps_the_arguments():
    part = copy.deepcopy(Part(3, rate=0.1))

    assert part.get_config() == {"size": 3, "rate": 0.1}


def test_unknown_keyword_suggests_the_near_one():
    with pytest.raises(ArgumentTypeError, match=r"Part\(rat=1\).*Did you mean rate=") as raised:
        refuse_unknown(Part, {"rat": 1})

    assert "Arguments: size, rate." in str(raised.value)


def test_unknown_keyword_may_be_like_inherited_ones():
    with pytest.raises(ArgumentTypeError, match=r"Did you mean trainable="):
        refuse_unknown(Part, {"trainible": 1}, ("trainable",))


def test_strange_keyword_gets_no_suggestion():
    with pytest.raises(ArgumentTypeError) as raised:
        refuse_unknown(Part, {"zzz": 1})

    assert "Did you mean" not in str(raised.value)


def test_no_unknown_keyword_is_fine():
    assert refuse_unknown(Part, {}) is None
