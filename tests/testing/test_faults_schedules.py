"""Schedules that are right but for one fault: the kit finds each, by the check that is meant to, and names it."""

import logging

import pytest
import torch

import corekit as ck
from corekit.testing.case import subject_of
from corekit.testing.kit import checks_for, run
from tests.testing.seeding import Seeds


class Right(ck.LearningRateSchedule):
    """A rate that halves, as it should be written."""

    def __init__(self, start=0.1, steps=1000.0):
        self.start, self.steps = start, steps

    def __call__(self, step):
        return self.start * 0.5 ** (step / self.steps)


FAULTS = fault = Seeds()


@fault("one_number", "0-d floating-point tensor")
class GivesANumber(Right):
    def __call__(self, step):
        return self.start * 0.5 ** (float(step) / self.steps)


@fault("one_number", "shape (1,)")
class GivesAVector(Right):
    def __call__(self, step):
        return super().__call__(step).reshape(1)


@fault("finite", "0 or more")
class FallsBelowZero(Right):
    def __call__(self, step):
        return self.start * (1 - step / self.steps)


@fault("pure", "reverse order")
class CountsByItself(Right):
    calls = 0

    def __call__(self, step):
        self.calls += 1
        return super().__call__(torch.as_tensor(self.calls, dtype=torch.float64))


@fault("pure", "its attributes")
class NotesTheStep(Right):
    def __call__(self, step):
        self.last = step
        return super().__call__(step)


@fault("count_stays", "the count after a call")
class ChangesTheCount(Right):
    def __call__(self, step):
        return super().__call__(step.add_(1))


@fault("waits_for_nothing", "a read (.item()")
class Branches(Right):
    def __call__(self, step):
        return torch.full_like(step, self.start) if step < 10 else super().__call__(step)


@fault("devices", "another device (meta)")
class RateOnTheCpu(Right):
    def __call__(self, step):
        return torch.tensor(self.start, dtype=torch.float64, device="cpu")


@fault("vectors", "torch.vmap")
class NeedsOneNumber(Right):
    def __call__(self, step):
        return super().__call__(step) if bool(step >= 0) else torch.zeros_like(step)


@fault("config", "argument steps")
class ConfigLacksAnArgument(Right):
    def get_config(self):
        return {"start": self.start}


@fault("copies", "copy by copy.deepcopy")
class CopiesStartAgain(Right):
    def __deepcopy__(self, memo):
        return type(self)(self.start / 2, self.steps)


@fault("compiles", "graph break")
class Logs(Right):
    def __call__(self, step):
        logging.getLogger("kit").info("a step")
        return super().__call__(step)


@fault("side_effects", "random generator")
class SeedsTorch(Right):
    def __call__(self, step):
        torch.manual_seed(0)
        return super().__call__(step)


@pytest.mark.parametrize("one", FAULTS, ids=str)
def test_fault_is_found_and_named(one, counted, outcome_of):
    count = counted.setdefault("schedules", [0, 0])
    count[0] += 1

    outcome = outcome_of(one.value, "schedules", one.check)

    assert outcome.status == "failed", f"{one.check} did not see {one.value.__name__}"
    assert one.word in outcome.message
    count[1] += 1


def test_right_twin_passes_every_check():
    names = [check.name for check in checks_for("schedules").checks if check.name != "import_budget"]  # this file's own

    outcomes = run([subject_of(Right, "schedules")], names)

    assert [(one.check, one.message) for one in outcomes if one.status == "failed"] == []
