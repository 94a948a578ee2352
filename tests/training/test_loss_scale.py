"""Loss scaling: true gradients, an overflow that changes nothing, a scale that finds its size."""

import numpy as np
import pytest
import torch

import corekit as ck
from corekit.training.loss_scale import FIRST, GROW_AFTER, LossScale


@pytest.fixture
def half(make_model, regression, parts):
    """Return `make(optimizer)`: a model whose step scales the loss, with its data, ready."""

    def make(optimizer):
        model = make_model(optimizer=optimizer)
        model.trainer.scales_loss = True
        model.trainer.prepare(regression, "train")
        model.train()
        return model, model.trainer

    return make


@pytest.mark.parametrize("optimizer", ["Heavy", torch.optim.Adam])
def test_scaled_training_equals_plain(half, make_model, regression, parts, optimizer):
    def kind():
        return parts.Heavy(0.1) if optimizer == "Heavy" else optimizer

    plain, (scaled, trainer) = make_model(optimizer=kind()), half(kind())
    plain.trainer.prepare(regression, "train")
    for _ in range(4):
        plain.trainer.step(regression)
        trainer.step(regression)

    for mine, other in zip(plain.parameters(), scaled.parameters(), strict=True):
        assert torch.equal(mine, other)  # a power of 2 costs no digit


@pytest.mark.parametrize("optimizer", ["Heavy", torch.optim.Adam])
def test_overflow_changes_nothing_but_the_scale(half, regression, parts, optimizer):
    model, trainer = half(parts.Heavy(0.1) if optimizer == "Heavy" else optimizer)
    x, y = regression
    weights = [weight.clone() for weight in model.parameters()]

    trainer.step((x * float("inf"), y))

    state = [v for s in model.optimizer.state.values() for v in s.values() if isinstance(v, torch.Tensor)]
    assert trainer.pass_over.scale.scale == FIRST / 2
    assert all(torch.equal(a, b) for a, b in zip(weights, model.parameters(), strict=True))
    assert all(not value.any() for value in state)


@pytest.mark.parametrize("optimizer", ["Heavy", torch.optim.Adam])
def test_another_training_goes_on_with_the_scale(half, regression, parts, optimizer):
    kinds = [parts.Heavy(0.1) if optimizer == "Heavy" else optimizer for _ in range(2)]
    (first, trainer), (second, other) = map(half, kinds)
    trainer.step((regression[0] * float("inf"), regression[1]))
    trainer.step(regression)

    second.load_state_dict(first.state_dict())
    second.optimizer.load_state_dict(first.optimizer.state_dict())
    other.prepare(regression, "train")
    other.step(regression)

    assert (other.pass_over.scale.scale, other.pass_over.scale.good_steps) == (FIRST / 2, 2)
    assert trainer.pass_over.scale.good_steps == 1


def test_scale_grows_after_good_steps():
    scale = LossScale(torch.optim.SGD([torch.ones(1)]))
    good = torch.tensor(True)

    for _ in range(GROW_AFTER - 1):
        scale.settle(good, [torch.ones(1)], [torch.ones(1)])
    before = scale.scale.item()
    scale.settle(good, [torch.ones(1)], [torch.ones(1)])

    assert (before, scale.scale.item()) == (FIRST, 2 * FIRST)


def test_bad_step_starts_the_count_again():
    scale = LossScale(torch.optim.SGD([torch.ones(1)]))
    scale.settle(torch.tensor(True), [torch.ones(1)], [torch.ones(1)])

    scale.settle(torch.tensor(False), [torch.ones(1)], [torch.ones(1)])

    assert (scale.scale.item(), scale.good_steps.item()) == (FIRST / 2, 0.0)


@pytest.mark.parametrize(("policy", "scales"), [("mixed_float16", True), ("mixed_bfloat16", False), ("float32", False)])
def test_policy_decides(make_model, policy, scales):
    ck.mixed_precision.set_global_policy(policy)
    try:
        model = make_model()
    finally:
        ck.mixed_precision.set_global_policy("float32")

    model.fit(np.ones((4, 4)), np.zeros((4, 2)), verbose=0)

    assert (model.trainer.pass_over.scale is not None) is scales
