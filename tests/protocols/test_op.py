"""Ops as users call them."""

import torch

import corekit as ck
from corekit.protocols.op import Op, as_op


def doubled(x, *, bias=0.0):
    """Return twice x."""
    return 2 * x + bias


def test_op_calls_its_function():
    op = as_op(doubled, "doubled")

    assert op(torch.tensor([1.0]), bias=3.0).item() == 5.0


def test_op_looks_like_its_function():
    op = as_op(doubled, "doubled")

    assert (op.__name__, op.__doc__, repr(op)) == ("doubled", "Return twice x.", "<op doubled>")


def test_op_on_symbolic_tensor_becomes_a_node():
    op = Op(doubled, "doubled")
    inputs = ck.Input(shape=(3,))

    model = ck.Model(inputs, op(inputs, bias=1.0))

    assert model(torch.ones(2, 3)).tolist() == [[3.0] * 3] * 2


def test_registered_op_is_an_attribute_of_ops():
    ck.register(doubled, kind="ops")

    assert ck.ops.doubled(torch.tensor(2.0)).item() == 4.0
