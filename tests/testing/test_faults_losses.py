"""Losses that are right but for one fault: the kit finds each, by the check that is meant to, and names it."""

import random

import pytest
import torch

import corekit as ck
from corekit.testing.case import subject_of
from corekit.testing.kit import checks_for, run
from tests.testing.seeding import Seeds


class Right(ck.Loss):
    """Squares, as they should be written."""

    def __init__(self, factor=1.5, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, y_true, y_pred):
        return self.factor * (y_true - y_pred).square().mean(dim=-1)


SHARES = ck.Values((3,), low=0.05, high=0.95)


@ck.example(ck.Values((3,), high=2, dtype="int64"), SHARES)
class RightOnLogits(ck.Loss):
    """Cross-entropy of yes and no, with a way of its own on logits."""

    logits_for = "sigmoid"

    def call(self, y_true, y_pred):
        p = y_pred.clamp(1e-7, 1 - 1e-7)
        return -(y_true * p.log() + (1 - y_true) * (1 - p).log()).mean(dim=-1)

    def call_on_logits(self, y_true, logits):
        return (torch.nn.functional.softplus(logits) - y_true * logits).mean(dim=-1)


def right_function(y_true, y_pred):
    return (y_true - y_pred).abs().mean(dim=-1)


FAULTS = fault = Seeds()


class WrongBackward(torch.autograd.Function):
    @staticmethod
    def forward(ctx, y_true, y_pred):
        ctx.save_for_backward(y_true, y_pred)
        return (y_true - y_pred).square()

    @staticmethod
    def backward(ctx, grad):
        y_true, y_pred = ctx.saved_tensors
        return None, grad * (y_pred - y_true)  # 2 is missing


class FrozenBackward(torch.autograd.Function):
    @staticmethod
    def forward(ctx, y_true, y_pred):
        ctx.save_for_backward(y_true, y_pred)
        return (y_true - y_pred).square()

    @staticmethod
    def backward(ctx, grad):
        y_true, y_pred = ctx.saved_tensors
        return None, grad * 2 * (y_pred.detach() - y_true)


@fault("gradients", "the gradient by y_pred")
class DerivedWrongly(Right):
    def call(self, y_true, y_pred):
        return WrongBackward.apply(y_true, y_pred).mean(dim=-1)


@fault("second_gradients", "the second gradient by y_pred")
class DerivedOnceOnly(Right):
    def call(self, y_true, y_pred):
        return FrozenBackward.apply(y_true, y_pred).mean(dim=-1)


@fault("gradients", "without a gradient")
class Detached(Right):
    def call(self, y_true, y_pred):
        return super().call(y_true, y_pred.detach())


@fault("one_value_per_sample", ".mean(dim=-1)")
class MeanOfTheBatch(Right):
    def call(self, y_true, y_pred):
        return self.factor * (y_true - y_pred).square().mean()


@fault("one_value_per_sample", "values of shape")
class ValueOfEachElement(Right):
    def call(self, y_true, y_pred):
        return self.factor * (y_true - y_pred).square()


@fault("batch_independence", "never over the batch")
class ComparesWithNeighbours(Right):
    def call(self, y_true, y_pred):
        return super().call(y_true, y_pred - y_pred.mean(dim=0))


@fault("reductions", 'reduction="sum"')
class SumIsMean(Right):
    def __call__(self, y_true, y_pred, sample_weight=None, *, on_logits=False):
        values = super().__call__(y_true, y_pred, sample_weight, on_logits=on_logits)
        return values / 3 if self.reduction == "sum" else values


@fault("reductions", "sample_weight=")
class IgnoresWeights(Right):
    def __call__(self, y_true, y_pred, sample_weight=None, *, on_logits=False):
        return super().__call__(y_true, y_pred, on_logits=on_logits)


@fault("zero_weights", "weight 0")
class WeighsByRank(Right):
    def __call__(self, y_true, y_pred, sample_weight=None, *, on_logits=False):
        return super().__call__(y_true, y_pred, None if sample_weight is None else sample_weight + 0.1)


@fault("empty_batch", "a batch of 0")
class NeedsASample(Right):
    def call(self, y_true, y_pred):
        return super().call(y_true, y_pred) + 0 * y_pred.max()


@fault("dtypes", "coarser dtype")
class ComputesInFloat32(Right):
    def call(self, y_true, y_pred):
        return super().call(y_true.float(), y_pred.float()).to(y_pred.dtype)


@fault("dtypes", "expected: float64")
class GivesFloat32(Right):
    def call(self, y_true, y_pred):
        return super().call(y_true, y_pred).float()


@fault("devices", "another device (meta)")
class ConstantOnTheCpu(Right):
    def call(self, y_true, y_pred):
        return super().call(y_true, y_pred * torch.ones(3, dtype=y_pred.dtype, device="cpu"))


@fault("inputs_stay", "in place")
class ClampsInPlace(Right):
    def call(self, y_true, y_pred):
        with torch.no_grad():
            y_pred.clamp_(-0.1, 0.1)
        return super().call(y_true, y_pred)


@fault("strides", "not contiguous")
class Views(Right):
    def call(self, y_true, y_pred):
        return super().call(y_true, y_pred.view(-1).view(y_true.shape))


@fault("deterministic", "once more")
class RemembersABatch(Right):
    def call(self, y_true, y_pred):
        before, self.before = getattr(self, "before", 0.0), float(y_pred.detach().sum())
        return super().call(y_true, y_pred) + 0.01 * before


@fault("deterministic", "once more")
class DrawsNoise(Right):
    def call(self, y_true, y_pred):
        return super().call(y_true, y_pred + 0.01 * torch.randn_like(y_pred))


@fault("config", "argument factor")
class ConfigLacksAnArgument(Right):
    def get_config(self):
        return {"reduction": self.reduction}


@fault("settings", "Take **kwargs")
class TakesNoSettings(ck.Loss):
    def __init__(self, reduction="sum_over_batch_size"):
        super().__init__(reduction=reduction)

    def call(self, y_true, y_pred):
        return (y_true - y_pred).square().mean(dim=-1)


@fault("compiles", "graph break")
class Prints(Right):
    def call(self, y_true, y_pred):
        if y_pred.sum() > 1e9:
            return super().call(y_true, 2 * y_pred)
        return super().call(y_true, y_pred)


@fault("least_at_the_truth", "least loss of all")
class WrongSign(Right):
    def call(self, y_true, y_pred):
        return -super().call(y_true, y_pred)


@fault("gradient_at_the_truth", "that are the labels")
class RootOfZero(Right):
    def call(self, y_true, y_pred):
        return (y_true - y_pred).square().sum(dim=-1).sqrt()


@fault("side_effects", "Python's random generator")
class SeedsPython(Right):
    def call(self, y_true, y_pred):
        random.seed(0)
        return super().call(y_true, y_pred)


@fault("on_logits", "call_on_logits")
class OtherLossOnLogits(RightOnLogits):
    def call_on_logits(self, y_true, logits):
        return super().call_on_logits(y_true, 0.5 * logits)


@fault("extremes", "logits of -1000 and 1000")
class LogOfASigmoid(RightOnLogits):
    def call_on_logits(self, y_true, logits):
        p = logits.sigmoid()
        return -(y_true * p.log() + (1 - y_true) * (1 - p).log()).mean(dim=-1)


@fault("extremes", "predictions of 0 and 1 only")
class LogOfZero(RightOnLogits):
    def call(self, y_true, y_pred):
        return -(y_true * y_pred.log() + (1 - y_true) * (1 - y_pred).log()).mean(dim=-1)


@fault("label_dtypes", "labels of int32")
class TakesInt64Only(RightOnLogits):
    def call(self, y_true, y_pred):
        return super().call(torch.nn.functional.one_hot(y_true, 2)[..., 1], y_pred)


@fault("trains_a_model", "evaluate in batches")
class GrowsWithTheBatch(Right):
    def call(self, y_true, y_pred):
        return len(y_pred) * super().call(y_true, y_pred)


@fault("batch_independence", "each alone")
def function_of_a_norm(y_true, y_pred):
    return ((y_true - y_pred) / (y_true - y_pred).norm()).abs().mean(dim=-1)


@pytest.mark.parametrize("one", FAULTS, ids=str)
def test_fault_is_found_and_named(one, counted, outcome_of):
    count = counted.setdefault("losses", [0, 0])
    count[0] += 1

    outcome = outcome_of(one.value, "losses", one.check)

    assert outcome.status == "failed", f"{one.check} did not see {one.value.__name__}"
    assert one.word in outcome.message
    count[1] += 1


@pytest.mark.parametrize(
    "loss", [Right, RightOnLogits, right_function, torch.nn.SmoothL1Loss, torch.nn.BCELoss, torch.nn.HuberLoss]
)
def test_right_twin_passes_every_check(loss):
    names = [check.name for check in checks_for("losses").checks if check.name != "import_budget"]  # this file's own

    outcomes = run([subject_of(loss, "losses")], names)

    assert [(one.check, one.message) for one in outcomes if one.status == "failed"] == []
