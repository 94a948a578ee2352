"""Finding symbolic tensors among arguments."""

import corekit as ck
from corekit.protocols.symbolic import find_symbolic


def test_symbolic_tensor_is_found_in_depth():
    x = ck.Input(shape=(3,))

    assert find_symbolic((1, [{"a": x}]), {}) is x


def test_symbolic_tensor_is_found_among_keywords():
    x = ck.Input(shape=(3,))

    assert find_symbolic((), {"inputs": (x,)}) is x


def test_plain_arguments_hold_none():
    assert find_symbolic((1, "a"), {"b": None}) is None
