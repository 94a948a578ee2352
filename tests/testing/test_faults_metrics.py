"""Metrics that are right but for one fault: the kit finds each, by the check that is meant to, and names it."""

import numpy as np
import pytest
import torch

import corekit as ck
from corekit.testing.case import subject_of
from corekit.testing.kit import checks_for, run
from tests.testing.seeding import Seeds


class Right(ck.Metric):
    """The mean of squares, as it should be written."""

    def __init__(self, factor=1.5, name=None, dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.factor = factor
        self.total = self.add_variable(name="total")
        self.count = self.add_variable(name="count")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.add_to_mean(self.call(y_true, y_pred), sample_weight)

    def call(self, y_true, y_pred):
        return self.factor * (y_true - y_pred).square().mean(dim=-1)


class RightWithState(ck.Metric):
    """The largest error, by a state of its own."""

    def __init__(self, name=None, dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.largest = self.add_variable(name="largest")

    def errors(self, y_true, y_pred, sample_weight=None):
        found = (y_true - y_pred).abs().amax(dim=-1).detach().to(self.largest)
        if sample_weight is not None:
            found = found * (sample_weight > 0).to(found)
        return torch.cat([self.largest.reshape(1), found])

    def update_state(self, y_true, y_pred, sample_weight=None):
        torch._foreach_copy_([self.largest], [self.errors(y_true, y_pred, sample_weight).max()])

    def result(self):
        return self.largest.clone()


def right_function(y_true, y_pred):
    return (y_true - y_pred).abs().mean(dim=-1)


FAULTS = fault = Seeds()


@fault("before_any_batch", "finite")
class DividesByZero(Right):
    def result(self):
        return self.total / self.count


@fault("parts", "all at once")
class MeanOfBatchMeans(Right):
    def update_state(self, y_true, y_pred, sample_weight=None):
        self.add_to_mean(self.call(y_true, y_pred).mean(), sample_weight)


@fault("order", "reverse order")
class MovingAverage(Right):
    def update_state(self, y_true, y_pred, sample_weight=None):
        self.total.mul_(0.5)
        self.count.mul_(0.5)
        super().update_state(y_true, y_pred, sample_weight)


@fault("sample_weights", "repeated")
class IgnoresWeights(Right):
    def update_state(self, y_true, y_pred, sample_weight=None):
        super().update_state(y_true, y_pred)


@fault("sample_weights", "sample_weight")
class TakesNoWeights(Right):
    def update_state(self, y_true, y_pred):
        super().update_state(y_true, y_pred)


@fault("empty_batch", "a batch of 0")
class NeedsASample(Right):
    def call(self, y_true, y_pred):
        return super().call(y_true, y_pred) + 0 * y_pred.max()


@fault("results", "further batch")
class GivesItsState(RightWithState):
    def result(self):
        return self.largest


@fault("results", "asked for again")
class ForgetsWhenAsked(Right):
    def result(self):
        value = super().result()
        self.total.mul_(0.5)
        return value


@fault("calls", "update_state and result")
class CallsDoNotCount(Right):
    def forward(self, y_true, y_pred):
        return self.call(y_true, y_pred).mean()


@fault("inputs_stay", "in place")
class RoundsInPlace(Right):
    def call(self, y_true, y_pred):
        y_pred.round_()
        return super().call(y_true, y_pred)


@fault("no_gradient", "a gradient in total")
class KeepsTheGraph(Right):
    def update_state(self, y_true, y_pred, sample_weight=None):
        self.total = self.total + self.call(y_true, y_pred).sum()
        self.count = self.count + len(y_pred)


@fault("waits_for_nothing", "a read (.item()")
class ReadsTheSum(Right):
    def update_state(self, y_true, y_pred, sample_weight=None):
        self.last = float(y_pred.detach().sum())
        super().update_state(y_true, y_pred, sample_weight)


@fault("devices", "another device (meta)")
class ConstantOnTheCpu(Right):
    def call(self, y_true, y_pred):
        return super().call(y_true, y_pred * torch.ones(3, dtype=y_pred.dtype, device="cpu"))


@fault("dtypes", "largest of float64")
class StateInFloat32(RightWithState):
    def __init__(self, name=None, dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.largest = self.add_variable(name="largest", dtype="float32")


@fault("precision", "half precision")
class RoundsToHalf(Right):
    def call(self, y_true, y_pred):
        return super().call(y_true, y_pred).half().double()


@fault("strides", "not contiguous")
class Views(Right):
    def call(self, y_true, y_pred):
        return super().call(y_true, y_pred.view(-1).view(y_true.shape))


@fault("deterministic", "torch's generator")
class Samples(Right):
    def call(self, y_true, y_pred):
        return super().call(y_true, y_pred + 0.1 * torch.rand_like(y_pred))


@fault("order_only", "sees_order_only = False")
class LooksAtValues(Right):
    sees_order_only = True


@fault("resets", "reset_state")
class KeepsACount(Right):
    def __init__(self, factor=1.5, name=None, dtype=None):
        super().__init__(factor, name, dtype)
        self.seen = 0

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.seen += len(y_pred)
        super().update_state(y_true, y_pred, sample_weight)

    def result(self):
        return super().result() + 0.01 * self.seen


@fault("resumes", "in mid-epoch")
class StateOutsideOfState(KeepsACount):
    def reset_state(self):
        super().reset_state()
        self.seen = 0


@fault("copies", "deep copy")
class CopiesShareAList(Right):
    def __init__(self, factor=1.5, name=None, dtype=None):
        super().__init__(factor, name, dtype)
        self.kept = Unshared()

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.kept.values.append(self.call(y_true, y_pred).detach().mean())

    def result(self):
        return torch.stack([self.total.new_zeros(()), *self.kept.values]).sum()


class Unshared:
    def __init__(self):
        self.values = []

    def __deepcopy__(self, memo):
        return self


@fault("independent", "a second one")
class StateOfTheClass(Right):
    sums = []  # noqa: RUF012 - the fault

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.sums.append(self.call(y_true, y_pred).detach().sum())

    def result(self):
        return torch.stack([self.total.new_zeros(()), *self.sums]).sum()


@fault("config", "argument factor")
class ConfigLacksAnArgument(Right):
    def get_config(self):
        return {"name": self.name, "dtype": "float64"}


@fault("compiles", "graph break")
class Branches(Right):
    def call(self, y_true, y_pred):
        if y_pred.sum() > 1e9:
            return super().call(y_true, 2 * y_pred)
        return super().call(y_true, y_pred)


@fault("merges", "gloo ranks")
class StartsWithOne(Right):
    def __init__(self, factor=1.5, name=None, dtype=None):
        super().__init__(factor, name, dtype)
        self.count = self.add_variable(initializer=lambda shape, dtype: torch.ones(shape, dtype=dtype), name="count")


@fault("shown_in_training", "batches of 3, 3 and 1")
class RemembersTheLastBatch(Right):
    def update_state(self, y_true, y_pred, sample_weight=None):
        self.reset_state()
        super().update_state(y_true, y_pred, sample_weight)


@fault("side_effects", "numpy's random generator")
class SeedsNumpy(Right):
    def call(self, y_true, y_pred):
        np.random.seed(0)
        return super().call(y_true, y_pred)


@fault("is_a_metric", "an optimizer would train")
class StateIsAParameter(Right):
    def __init__(self, factor=1.5, name=None, dtype=None):
        super().__init__(factor, name, dtype)
        self.scale = torch.nn.Parameter(torch.ones(()))


@fault("config", "every one takes this")
class TakesNoName(Right):
    def __init__(self, factor=1.5, dtype=None):
        super().__init__(factor, dtype=dtype)


@pytest.mark.parametrize("one", FAULTS, ids=str)
def test_fault_is_found_and_named(one, counted, outcome_of):
    count = counted.setdefault("metrics", [0, 0])
    count[0] += 1

    outcome = outcome_of(one.value, "metrics", one.check)

    assert outcome.status == "failed", f"{one.check} did not see {one.value.__name__}"
    assert one.word in outcome.message
    count[1] += 1


@pytest.mark.parametrize("metric", [Right, RightWithState, right_function])
def test_right_twin_passes_every_check(metric):
    names = [check.name for check in checks_for("metrics").checks if check.name != "import_budget"]  # this file's own

    outcomes = run([subject_of(metric, "metrics")], names)

    assert [(one.check, one.message) for one in outcomes if one.status == "failed"] == []
