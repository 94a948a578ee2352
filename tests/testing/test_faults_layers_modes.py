"""Seeded faults of layers, in what they keep, change and draw: each class is right but for one thing."""

import os
import random
import sys
import warnings

import numpy as np
import pytest
import torch

from corekit.testing.case import subject_of
from corekit.testing.kit import run
from tests.testing.right_layers import Centering as Right
from tests.testing.seeding import Seeds

FAULTS = fault = Seeds()
_CALLS = []
_SHARED = {}


# What is made when


@fault("builds_once", "scale")
class MakesWeightsInInit(Right):
    def __init__(self, factor=1.0, momentum=0.9, **kwargs):
        super().__init__(factor, momentum, **kwargs)
        self.scale = self.add_weight(shape=(4,), initializer=torch.nn.init.ones_, name="scale")

    def build(self, input_shape):
        self.mean = self.add_weight(
            shape=(input_shape[-1],), initializer=torch.nn.init.zeros_, trainable=False, name="mean"
        )


@fault("builds_once", "new ones: scale")
class MakesAWeightAtEachCall(Right):
    def call(self, inputs, training=False):
        self.scale = torch.nn.Parameter(self.scale.detach().clone())
        return super().call(inputs, training)


@fault("builds_once", "share")
class SharesAWeightWithAllOthers(Right):
    def build(self, input_shape):
        super().build(input_shape)
        self.table = _SHARED.setdefault("table", torch.nn.Parameter(torch.ones(4)))


@fault("builds_once", "extra")
class AddsAWeightLater(Right):
    def call(self, inputs, training=False):
        if not hasattr(self, "extra") and inputs.shape[0] == 2:
            self.extra = torch.nn.Parameter(torch.zeros(1))
        return super().call(inputs, training)


# Modes


@fault("modes", "a second call in inference")
class DropsInInference(Right):
    def call(self, inputs, training=False):
        return torch.nn.functional.dropout(super().call(inputs, training), 0.5, training=True)


@fault("modes", "state after a call in inference")
class LearnsInInference(Right):
    def call(self, inputs, training=False):
        with torch.no_grad():
            self.mean.add_(0.1)
        return super().call(inputs, training)


@fault("training_acts", "the same in inference")
class NeverTrains(Right):
    def call(self, inputs, training=False):
        return super().call(inputs, training is None)


@fault("modes", "layer(x, training=True)")
class KnowsTheFlagOnly(Right):
    def __call__(self, *args, **kwargs):
        if kwargs.get("training"):
            del kwargs["training"]
        return super().__call__(*args, **kwargs)


@fault("modes", "in inference")
class MixesUpTheModes(Right):
    def call(self, inputs, training=False):
        return super().call(inputs, not training)


@fault("modes", "only where training is True")
class SwitchesItselfToTraining(Right):
    def call(self, inputs, training=False):
        if training:
            self.__dict__["mode"] = True
        return super().call(inputs, training)

    def __setattr__(self, name, value):
        super().__setattr__(name, True if name == "training" and self.__dict__.get("mode") else value)


@fault("modes", "layer(x, training=False)")
class TrainsAgainstOrders(Right):
    def __call__(self, *args, **kwargs):
        if kwargs.get("training") is False:
            del kwargs["training"]
        return super().__call__(*args, **kwargs)


@fault("weights_stay", "training=False")
class NormalizesItsWeight(Right):
    def call(self, inputs, training=False):
        self.scale.data /= self.scale.data.norm()
        return super().call(inputs, training)


@fault("weights_stay", "training=True")
class DecaysItsWeight(Right):
    def call(self, inputs, training=False):
        if training:
            self.scale.data.mul_(0.99)
        return super().call(inputs, training)


@fault("seeds", "torch.manual_seed(1)")
class DrawsWithNumpy(Right):
    def call(self, inputs, training=False):
        noise = np.random.default_rng().random() if training else 0.0
        return super().call(inputs, training) + noise


@fault("seeds", "torch.manual_seed(1)")
class DrawsWithPython(Right):
    def build(self, input_shape):
        super().build(input_shape)
        self.scale.data.fill_(random.SystemRandom().random())


@fault("seeds", "twice")
class CountsItsCalls(Right):
    def call(self, inputs, training=False):
        _CALLS.append(None)
        return super().call(inputs, training) + len(_CALLS)


@fault("seeds", "it seeds the generator itself")
class SeedsTorch(Right):
    def call(self, inputs, training=False):
        torch.manual_seed(0)
        return super().call(inputs, training)


@fault("inputs_stay", "its input after a call with training=False")
class ScalesItsInput(Right):
    def call(self, inputs, training=False):
        y = super().call(inputs, training)
        inputs.mul_(2)
        return y


@fault("inputs_stay", "training=True")
class AddsNoiseToItsInput(Right):
    def call(self, inputs, training=False):
        if training:
            inputs += 0.1
        return super().call(inputs, training)


@fault("outputs_stay", "first output")
class ReturnsItsBuffer(Right):
    def call(self, inputs, training=False):
        y = super().call(inputs, training)
        if getattr(self, "kept", None) is None or self.kept[0].shape != y.shape:
            self.kept = [torch.empty_like(y).detach()]
        return self.kept[0].copy_(y.detach())


@fault("nan_passes", "nan")
class HidesNan(Right):
    def call(self, inputs, training=False):
        return super().call(inputs.nan_to_num(), training)


@fault("nan_passes", "numbers")
class ComparesWithNan(Right):
    def call(self, inputs, training=False):
        y = super().call(inputs, training)
        return torch.where(y > 0, y, 0.0)


@fault("names", '"mine"')
class IsNamedByItself(Right):
    def __init__(self, factor=1.0, momentum=0.9, **kwargs):
        super().__init__(factor, momentum, **{**kwargs, "name": "own"})


@fault("names", "repr")
class PrintsAllItsWeights(Right):
    def extra_repr(self):
        return str(torch.ones(500).tolist())


@fault("names", "docstring")
class SaysNothing(Right):
    pass


# Side effects


@fault("side_effects", "default dtype")
class SetsTheDefaultDtype(Right):
    def build(self, input_shape):
        torch.set_default_dtype(torch.float64)
        super().build(input_shape)


@fault("side_effects", "numpy's random generator")
class SeedsNumpy(Right):
    def call(self, inputs, training=False):
        np.random.seed(0)
        return super().call(inputs, training)


@fault("side_effects", "Python's random generator")
class DrawsFromPythonsGenerator(Right):
    def call(self, inputs, training=False):
        return super().call(inputs, training) + 0 * random.random()


@fault("side_effects", "environment")
class SetsAVariable(Right):
    def build(self, input_shape):
        os.environ["OMP_NUM_THREADS"] = "1"
        os.environ["MINE"] = "1"
        super().build(input_shape)


@fault("side_effects", "threads")
class SetsTheThreads(Right):
    def build(self, input_shape):
        torch.set_num_threads(torch.get_num_threads() + 1)
        super().build(input_shape)


@fault("side_effects", "prints")
class Prints(Right):
    def call(self, inputs, training=False):
        print("called")
        return super().call(inputs, training)


@fault("side_effects", "filters of warnings")
class SilencesWarnings(Right):
    def __init__(self, *args, **kwargs):
        warnings.simplefilter("ignore", FutureWarning)
        super().__init__(*args, **kwargs)


@fault("side_effects", "torch.relu")
class PatchesTorch(Right):
    def build(self, input_shape):
        torch.relu = lambda x: x.clamp(min=0)
        super().build(input_shape)


@fault("side_effects", "records gradients")
class SwitchesGradientsOff(Right):
    def call(self, inputs, training=False):
        y = super().call(inputs, training)
        torch.set_grad_enabled(False)
        return y


@fault("side_effects", "sys.path")
class ExtendsThePath(Right):
    def build(self, input_shape):
        sys.path.append("/nowhere")
        super().build(input_shape)


@pytest.mark.parametrize(("cls", "check", "word"), FAULTS, ids=map(str, FAULTS))
def test_fault_is_caught_and_named(cls, check, word, outcome_of, counted):
    counts = counted.setdefault("modes of layers", [0, 0])
    counts[0] += 1

    outcome = outcome_of(cls, "layers", check)

    assert outcome.status == "failed"
    assert word in outcome.message
    assert cls.__name__ in outcome.message
    counts[1] += 1


def test_right_layer_passes_every_check():
    outcomes = run([subject_of(Right, "layers")])

    assert [f"{one.check}: {one.message}" for one in outcomes if one.status == "failed"] == []
    assert [one.check for one in outcomes if one.status == "skipped"] == ["logits", "takes_maxima", "import_budget"]
