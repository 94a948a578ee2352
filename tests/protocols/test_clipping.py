"""Clipping against torch's own, and at its edges."""

import pytest
import torch

from corekit.protocols.clipping import clip


def grads(dtype=torch.float32):
    torch.manual_seed(0)
    return [torch.randn(3, 4, dtype=dtype), torch.randn(5, dtype=dtype), torch.randn((), dtype=dtype)]


def by_torch(given, limit):
    params = [torch.zeros_like(grad) for grad in given]
    for param, grad in zip(params, given, strict=True):
        param.grad = grad.clone()
    torch.nn.utils.clip_grad_norm_(params, limit)
    return [param.grad for param in params]


@pytest.mark.parametrize("limit", [0.1, 1.0, 100.0])
def test_global_norm_matches_torch(limit):
    torch.testing.assert_close(clip(grads(), global_clipnorm=limit), by_torch(grads(), limit), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("limit", [0.1, 1.0, 100.0])
def test_each_norm_matches_torch(limit):
    expected = [by_torch([grad], limit)[0] for grad in grads()]

    torch.testing.assert_close(clip(grads(), clipnorm=limit), expected, rtol=1e-5, atol=1e-6)


def test_elements_stay_between_limits():
    assert all(map(torch.equal, clip(grads(), clipvalue=0.3), [grad.clamp(-0.3, 0.3) for grad in grads()]))


@pytest.mark.parametrize("limits", [{}, {"clipnorm": 0}, {"clipvalue": None}, {"global_clipnorm": 0.0}])
def test_no_limit_changes_nothing(limits):
    given = grads()

    assert clip(given, **limits) is given


@pytest.mark.parametrize("limits", [{"clipnorm": 1.0}, {"global_clipnorm": 1.0}])
def test_zero_gradients_stay_zero(limits):
    assert not torch.stack(clip([torch.zeros(3), torch.zeros(3)], **limits)).any()


def test_infinite_gradient_is_not_hidden():
    first, second = clip([torch.tensor([torch.inf]), torch.ones(1)], global_clipnorm=1.0)

    assert first.isnan()
    assert second.isnan()


def test_half_precision_norm_does_not_overflow():
    (clipped,) = clip([torch.full((100,), 200.0, dtype=torch.float16)], clipnorm=1.0)

    torch.testing.assert_close(clipped, torch.full((100,), 0.1, dtype=torch.float16), rtol=1e-3, atol=0)


def test_dtypes_may_be_mixed():
    first, second = clip([torch.tensor([3.0]), torch.tensor([4.0], dtype=torch.float64)], global_clipnorm=1.0)

    assert (first.dtype, second.dtype) == (torch.float32, torch.float64)
    torch.testing.assert_close([float(first), float(second)], [0.6, 0.8])
