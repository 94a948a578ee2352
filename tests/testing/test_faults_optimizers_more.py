"""Further optimizers with one fault each, which a blind trial of the kit had missed."""

import pytest
import torch

import corekit as ck
from corekit.testing.case import subject_of
from corekit.testing.kit import checks_for, run_check


class Right(ck.Optimizer):
    """Momentum, as it should be written."""

    elementwise = True

    def __init__(self, learning_rate=0.05, **kwargs):
        super().__init__(learning_rate, **kwargs)

    def init(self, param):
        return {"velocity": torch.zeros_like(param)}

    def update(self, param, grad, state, learning_rate):
        param.sub_(learning_rate * state["velocity"].mul_(0.5).add_(grad))


class ThrowsVelocityAway(Right):
    def update(self, param, grad, state, learning_rate):
        param.sub_(learning_rate * (state["velocity"] * 0.5 + grad))


class RateOfTheFirstGroup(Right):
    def update(self, param, grad, state, learning_rate):
        super().update(param, grad, state, self.param_groups[0]["lr"])


class LoadsNoState(Right):
    def load_state_dict(self, state_dict):
        super().load_state_dict({**state_dict, "state": {}})


FAULTS = [
    (ThrowsVelocityAway, "state_changes", 'state["velocity"]'),
    (RateOfTheFirstGroup, "groups", "the second with lr=0"),
    (LoadsNoState, "resumes", "into a fresh optimizer"),
]


@pytest.mark.parametrize(("cls", "name", "word"), FAULTS)
def test_fault_is_found_and_named(cls, name, word, counted):
    count = counted.setdefault("optimizers", [0, 0])
    count[0] += 1
    (check,) = [check for check in checks_for("optimizers").checks if check.name == name]

    outcome = run_check(subject_of(cls, "optimizers"), check)

    assert outcome.status == "failed"
    assert word in outcome.message
    assert run_check(subject_of(Right, "optimizers"), check).status == "passed"
    count[1] += 1
