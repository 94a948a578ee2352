"""Gradients by autograd's engine itself are those of `torch.autograd.grad`."""

import pytest
import torch

from corekit.training import backward
from corekit.training.backward import gradients


@pytest.fixture(params=["engine", "public"])
def way(request, monkeypatch):
    """Each way in turn: the one that is used here, and the one for versions of torch without such an engine."""
    if request.param == "public":
        monkeypatch.setattr(backward, "_engine", None)
    else:
        assert backward._engine is not None


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gradients_equal_torchs(way, dtype):
    w, unused = (torch.randn(3, dtype=dtype, requires_grad=True) for _ in range(2))

    def loss():
        return (w.sin() * w).sum()

    mine, torchs = gradients(loss(), [w, unused]), torch.autograd.grad(loss(), [w, unused], allow_unused=True)

    assert torch.equal(mine[0], torchs[0])
    assert mine[1] is torchs[1] is None
    assert w.grad is None


def test_loss_that_depends_on_nothing(way):
    with pytest.raises(RuntimeError, match="does not require grad"):
        gradients(torch.ones(()), [torch.ones(3, requires_grad=True)])


def test_hooks_see_the_gradient(way):
    seen = []
    w = torch.ones(2, requires_grad=True)
    w.register_hook(lambda grad: seen.append(grad.clone()) or grad * 2)

    (grad,) = gradients((w * w).sum(), [w])

    assert torch.equal(seen[0] * 2, grad)
    assert torch.equal(grad, torch.full((2,), 4.0))
