"""Callbacks that are right but for one fault: the kit finds each, by the check that is meant to, and names it."""

import random

import pytest
import torch

import corekit as ck
from corekit.testing.case import subject_of
from corekit.testing.kit import checks_for, run
from tests.testing.seeding import Seeds


class Right(ck.Callback):
    """Remembers losses, as it should be written."""

    def __init__(self, name="loss"):
        self.name = name
        self.seen = []

    def on_train_begin(self, logs=None):
        self.seen = []

    def on_epoch_end(self, epoch, logs=None):
        if logs:
            self.seen.append(float(logs[self.name]))


FAULTS = fault = Seeds()


@fault("runs", "fit with validation")
class ReadsAMissingValue(Right):
    def on_epoch_end(self, epoch, logs=None):
        self.seen.append(logs["accuracy"])


@fault("runs", "predict")
class BreaksInPredict(Right):
    def on_predict_end(self, logs=None):
        raise ValueError("no prediction, please")


@fault("hook_names", "on_epoch_ends")
class MisspeltHook(Right):
    def on_epoch_ends(self, epoch, logs=None):
        self.seen.append(epoch)


@fault("hook_arguments", "logs=None")
class NeedsLogs(Right):
    def on_epoch_end(self, epoch, logs):
        self.seen.append(epoch)


@fault("without_logs", "on_epoch_end without logs")
class LooksIntoNone(Right):
    def on_epoch_end(self, epoch, logs=None):
        self.seen.append(logs[self.name])


@fault("leaves_training_alone", "the weights after 3 epochs")
class ShrinksWeights(Right):
    def on_epoch_end(self, epoch, logs=None):
        with torch.no_grad():
            for weight in self.model.parameters():
                weight.mul_(0.9)


@fault("leaves_training_alone", "torch's random generator")
class DrawsFromTorch(Right):
    def on_epoch_begin(self, epoch, logs=None):
        torch.rand(7)


@fault("leaves_training_alone", "expected: 3 epochs")
class EndsTheTraining(Right):
    def on_epoch_end(self, epoch, logs=None):
        self.model.stop_training = True


@fault("twice", "a second fit")
class KeepsItsCount(Right):
    epochs = 0

    def on_epoch_end(self, epoch, logs=None):
        self.epochs += 1
        self.model.stop_training = self.epochs >= 5


@fault("knows_its_model", "self.model after fit")
class LosesTheModel(Right):
    def set_model(self, model):
        self.watched = model


@fault("knows_its_model", "self.params")
class LosesTheParams(Right):
    def set_params(self, params):
        self.steps = params["steps"]


@fault("config", "argument name")
class ConfigLacksAnArgument(Right):
    def get_config(self):
        return {}


@fault("copies", "a deep copy")
class CopiesShareACount(Right):
    count = [0]  # noqa: RUF012 - the fault

    def on_epoch_end(self, epoch, logs=None):
        self.count[0] += 1
        self.model.stop_training = self.count[0] == 5


@fault("side_effects", "Python's random generator")
class SeedsPython(Right):
    def on_epoch_end(self, epoch, logs=None):
        random.seed(epoch)


@fault("side_effects", "prints")
class Prints(Right):
    def on_epoch_end(self, epoch, logs=None):
        print("an epoch is over")


@pytest.mark.parametrize("one", FAULTS, ids=str)
def test_fault_is_found_and_named(one, counted, outcome_of):
    count = counted.setdefault("callbacks", [0, 0])
    count[0] += 1

    outcome = outcome_of(one.value, "callbacks", one.check)

    assert outcome.status == "failed", f"{one.check} did not see {one.value.__name__}"
    assert one.word in outcome.message
    count[1] += 1


def test_right_twin_passes_every_check():
    names = [check.name for check in checks_for("callbacks").checks if check.name != "import_budget"]  # this file's own

    outcomes = run([subject_of(Right, "callbacks")], names)

    assert [(one.check, one.message) for one in outcomes if one.status == "failed"] == []
