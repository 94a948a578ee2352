import pytest
import torch

import corekit
from corekit.errors import ArgumentError
from corekit.testing.bench import compare, race

BASE = {"kind": "layers", "id": "Scaled", "against": "torch.nn:Linear", "arguments": None, "rival_arguments": None}
HOW = {"shapes": [], "batch": 4, "dtype": "float32", "device": "cpu", "rounds": 5, "tolerance": 1e-5}


@corekit.example((3,), factor=2.0)
class Scaled(corekit.Layer):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], 5), name="kernel")

    def call(self, inputs):
        return self.factor * inputs @ self.kernel


class WrongGradient(torch.nn.Linear):
    def forward(self, inputs):
        return super().forward(inputs.detach())


class TwoSteps(torch.optim.SGD):
    def step(self, closure=None):
        super().step()
        super().step()


@pytest.fixture(autouse=True)
def ours(isolated_registry):
    corekit.register(Scaled)


def asked(**changes):
    return compare({**BASE, **HOW, **changes})


def test_rival_gets_our_weights_as_torch_has_them():
    linear = {"in_features": 3, "out_features": 5, "bias": False}

    found = asked(arguments={"factor": 1.0}, rival_arguments=linear)

    assert found["equal"]
    assert found["times"].keys() == {"forward", "forward + backward"}
    assert found["on"] == "input (4, 3), float32 on cpu"


def test_other_results_are_not_timed():
    found = asked(rival_arguments={"in_features": 3, "out_features": 5, "bias": False})

    assert (found["equal"], found["times"]) == (False, {})
    assert found["difference"] > 0.01


def test_other_gradients_are_other_results(monkeypatch):
    monkeypatch.setattr(torch.nn, "WrongGradient", WrongGradient, raising=False)
    linear = {"in_features": 3, "out_features": 5, "bias": False}

    assert not asked(against="torch.nn:WrongGradient", arguments={"factor": 1.0}, rival_arguments=linear)["equal"]


def test_shape_is_the_whole_input():
    linear = {"in_features": 7, "out_features": 5, "bias": False}

    found = asked(arguments={"factor": 1.0}, rival_arguments=linear, shapes=[[2, 7]])

    assert (found["equal"], found["on"]) == (True, "input (2, 7), float32 on cpu")


def test_optimizers_are_compared_by_their_weights(monkeypatch):
    monkeypatch.setattr(torch.optim, "TwoSteps", TwoSteps, raising=False)
    sgd = {"kind": "optimizers", "id": "corekit-optim-basic:SGD", "arguments": {"lr": 0.1}, "shapes": [[3], [2, 2]]}

    same = asked(**sgd, against="torch.optim:SGD", rival_arguments={"lr": 0.1})
    other = asked(**sgd, against="torch.optim:TwoSteps", rival_arguments={"lr": 0.1})

    assert (same["equal"], same["times"].keys()) == (True, {"step"})
    assert not other["equal"]


def test_missing_arguments_are_asked_for():
    with pytest.raises(ArgumentError, match=r"Linear\(\) cannot be made: .*\n.* --rival-args "):
        asked(rival_arguments={})


def test_ratio_is_ours_to_rivals():
    slow, fast = (lambda: sum(range(20_000))), (lambda: sum(range(2_000)))

    found = race(slow, fast, rounds=7)

    assert found["ratio"] > 2
    assert found["quartiles"][0] <= found["ratio"] <= found["quartiles"][1]
