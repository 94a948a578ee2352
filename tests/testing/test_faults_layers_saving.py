"""Seeded faults of layers, in what they store and load and in other processes: each is right but for one thing."""

import sys

import pytest
import torch

from corekit.testing.case import subject_of
from corekit.testing.importable import Place
from corekit.testing.imports import judge, tried
from corekit.testing.kit import Failure, run
from tests.testing.right_layers import Centering as Right
from tests.testing.seeding import Seeds

FAULTS = fault = Seeds()
_CALLS = []
_SHARED = {}


# Saving


@fault("config", "no factor")
class LosesAnArgument(Right):
    def get_config(self):
        return {key: value for key, value in super().get_config().items() if key != "factor"}


@fault("config", "from_config(get_config())")
class WritesTheDefault(Right):
    def get_config(self):
        return {**super().get_config(), "factor": 1.0}


@fault("config", "training=False")
class ReadsTheDefault(Right):
    @classmethod
    def from_config(cls, config):
        return super().from_config({**config, "factor": 1.0})


@fault("config", "a training call")
class LosesTheMomentum(Right):
    @classmethod
    def from_config(cls, config):
        return super().from_config({**config, "momentum": 0.9})


@fault("config", "expected str")
class SaysAnotherType(Right):
    def __init__(self, factor: str = 1.0, momentum=0.9, **kwargs):
        super().__init__(factor, momentum, **kwargs)


@fault("config", "JSON")
class HoldsATensorInItsConfig(Right):
    def get_config(self):
        return {**super().get_config(), "factor": torch.tensor(2.0)}


@fault("base_arguments", "trainable=False")
class DropsItsKeywords(Right):
    def __init__(self, factor=1.0, momentum=0.9, **kwargs):
        super().__init__(factor, momentum)


@fault("base_arguments", "colour")
class SwallowsAnything(Right):
    def __init__(self, factor=1.0, momentum=0.9, colour=None, **kwargs):
        super().__init__(factor, momentum, **kwargs)


@fault("file", "load_model")
class KeepsStateOutOfTheFile(Right):
    def build(self, input_shape):
        super().build(input_shape)
        del self._buffers["mean"]
        self.register_buffer("mean", torch.zeros(input_shape[-1]), persistent=False)


@fault("state", "training=False")
class KeepsStateInAnAttribute(Right):
    def build(self, input_shape):
        super().build(input_shape)
        self.held = [torch.zeros(input_shape[-1])]

    def call(self, inputs, training=False):
        if training and inputs.numel():
            self.held[0] = inputs.detach().flatten(0, -2).mean(0)
        return super().call(inputs, training) - self.held[0].to(inputs.dtype)


@fault("state", "training=False")
class KeepsStateInANumber(Right):
    def call(self, inputs, training=False):
        self.steps = getattr(self, "steps", 0) + bool(training)
        return super().call(inputs, training) / (1 + 0.1 * self.steps)


@fault("state", "no mean")
class LeavesStateOutOfTheStateDict(Right):
    def state_dict(self, *args, **kwargs):
        found = super().state_dict(*args, **kwargs)
        found.pop("mean", None)
        return found

    def load_state_dict(self, state_dict, strict=True):
        return super().load_state_dict(state_dict, strict=False)


@fault("resumes", "step 1 after three steps")
class WarmsUpByItsOwnCount(Right):
    def call(self, inputs, training=False):
        self.steps = getattr(self, "steps", 0) + bool(training)
        return super().call(inputs, training) * (min(1.0, self.steps / 50) if training else 1.0)


@fault("resumes", "Python attribute")
class DrawsFromAGeneratorOfItsOwn(Right):
    def build(self, input_shape):
        super().build(input_shape)
        self.generator = torch.Generator().manual_seed(1)

    def call(self, inputs, training=False):
        noise = torch.rand(1, generator=self.generator).item() if training else 0.0
        return super().call(inputs, training) + noise


@fault("pickles", "lambda")
class HoldsALambda(Right):
    def build(self, input_shape):
        super().build(input_shape)
        self.function = lambda x: x


@fault("copies", "deep copy")
class HoldsItsWeightInAClosure(Right):
    def build(self, input_shape):
        super().build(input_shape)
        scale = self.scale
        self.scaled = lambda x: x * scale

    def call(self, inputs, training=False):
        return self.scaled(super().call(inputs, training))


@fault("copies", "zeroed")
class HoldsItsWeightInTheModule(Right):
    def build(self, input_shape):
        super().build(input_shape)
        _SHARED["scale"] = self.scale

    def call(self, inputs, training=False):
        return super().call(inputs, training) * _SHARED["scale"]


# Other processes


@fault("distributes", "half a batch each")
class ScalesByTheNumberOfRanks(Right):
    def call(self, inputs, training=False):
        ranks = torch.distributed.get_world_size() if torch.distributed.is_initialized() else 1
        return super().call(inputs, training) * ranks


@fault("distributes", "both ranks")
class GoesItsOwnWayOnEachRank(Right):
    def call(self, inputs, training=False):
        if torch.distributed.is_initialized():
            self.scale.data.add_(0.1 * torch.distributed.get_rank())
        return super().call(inputs, training)


@pytest.mark.parametrize(("cls", "check", "word"), FAULTS, ids=map(str, FAULTS))
def test_fault_is_caught_and_named(cls, check, word, outcome_of, counted):
    counts = counted.setdefault("saving of layers", [0, 0])
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


MODULE = """
import os, sys, time
import corekit
{line}
class Right(corekit.Layer):
    pass
"""
LINES = {
    "time.sleep(0.4)": "at most 300 ms",
    "os.environ['MINE'] = '1'": "environment",
    "print('hello')": "prints 'hello",
    "import torch; torch.set_default_dtype(torch.float64)": "default dtype",
    "import not_installed": "ModuleNotFoundError",
    "sys.exit(1)": "SystemExit",
}


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Return what came of the import of each module, and of one that is right."""
    folder = tmp_path_factory.mktemp("modules")
    places = []
    for number, line in enumerate(["", *LINES]):
        (folder / f"tried_{number}.py").write_text(MODULE.format(line=line))
        places.append(Place(f"tried_{number}", "", "Right"))
    sys.path.insert(0, str(folder))
    try:
        return dict(zip(["", *LINES], zip(places, tried(tuple(places)), strict=True), strict=True))
    finally:
        sys.path.remove(str(folder))


@pytest.mark.parametrize("line", LINES)
def test_import_is_held_to_its_budget(line, found, counted):
    counts = counted.setdefault("imports of layers", [0, 0])
    counts[0] += 1

    with pytest.raises(Failure) as failure:
        judge(subject_of(Right, "layers").cases[0], *found[line])

    assert LINES[line] in str(failure.value)
    counts[1] += 1


def test_right_import_passes(found):
    judge(subject_of(Right, "layers").cases[0], *found[""])
