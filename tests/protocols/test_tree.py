"""Structures of values."""

from collections import namedtuple

import pytest

from corekit.protocols.tree import leaves, map_tree

Pair = namedtuple("Pair", ["left", "right"])


def test_leaves_come_in_order():
    assert list(leaves([1, {"b": 2, "a": (3, [4])}, 5])) == [1, 2, 3, 4, 5]


def test_lone_value_is_a_leaf():
    assert list(leaves("word")) == ["word"]


def test_map_keeps_the_form():
    assert map_tree(lambda x: x + 1, [1, (2, {"a": 3})]) == [2, (3, {"a": 4})]


def test_map_keeps_named_tuples():
    mapped = map_tree(lambda x: x + 1, Pair(1, 2))

    assert mapped == Pair(2, 3)
    assert isinstance(mapped, Pair)


def test_map_walks_several_at_once():
    assert map_tree(lambda a, b: a * b, {"x": [1, 2]}, {"x": [3, 4]}) == {"x": [3, 8]}


def test_map_refuses_other_lengths():
    with pytest.raises(ValueError, match="shorter"):
        map_tree(lambda a, b: a, [1, 2], [1])
