"""The kit for what is at hand: raises at the first failure, and says what was wrong."""

from pathlib import Path

import pytest
import torch

import corekit as ck
from corekit import testing


class Wrong(ck.Loss):
    def call(self, y_true, y_pred):
        return (y_true - y_pred).square().mean()


def test_check_loss_raises_with_the_check_and_the_fix():
    with pytest.raises(testing.Failure, match=r"(?s)one_value_per_sample: Wrong.*mean\(dim=-1\)"):
        testing.check_loss(Wrong, (3,), (3,), only=("one_value_per_sample",))


def test_check_optimizer_returns_what_came_of_each_check():
    outcomes = testing.check_optimizer(torch.optim.RMSprop, only=("config", "resumes"), lr=0.01)

    assert {one.check: one.status for one in outcomes} == {"resumes": "passed", "config": "skipped"}


@pytest.mark.parametrize("kind", ["optimizer", "schedule", "loss", "metric", "callback", "op"])
def test_every_kind_has_its_function(kind):
    assert callable(getattr(testing, f"check_{kind}"))


def test_type_checkers_know_every_name():
    text = (Path(testing.__file__).with_suffix(".pyi")).read_text(encoding="utf-8")

    assert [name for name in testing.__all__ if f" as {name}\n" not in text] == []
