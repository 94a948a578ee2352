"""The kit on optimizers that others have written: no false alarms, and what is truly wrong with some."""

import pytest
import torch

from corekit.testing.case import subject_of
from corekit.testing.kit import checks_for, run


def test_optimizer_that_needs_a_closure_is_told():
    (outcome, *_) = run([subject_of(torch.optim.LBFGS, "optimizers")], ["resumes"])

    assert outcome.status == "failed"
    assert "def step(self, closure=None)" in outcome.message


@pytest.mark.parametrize("cls", [torch.optim.Adagrad, torch.optim.Adadelta, torch.optim.Adamax, torch.optim.RAdam])
def test_torch_optimizers_raise_no_false_alarm(cls):
    names = [check.name for check in checks_for("optimizers").checks if check.name not in ("import_budget", "compiles")]

    outcomes = run([subject_of(cls, "optimizers")], names)

    assert [(one.check, one.message) for one in outcomes if one.status == "failed"] == []


def test_state_that_torch_rounds_when_loaded_is_found():
    (outcome, *_) = run([subject_of(torch.optim.NAdam, "optimizers")], ["state_dict"])

    assert outcome.status == "failed"  # torch 2.13 loads its 0-d mu_product in the dtype of the weight
    assert "mu_product" in outcome.message
