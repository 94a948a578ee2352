import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from corekit.cli import group
from corekit.cli.bench import _written

TIMES = {"forward": {"ours_us": 10.0, "rival_us": 20.0, "ratio": 0.5, "quartiles": [0.48, 0.52]}}
ANSWER = {
    "id": "corekit-a:A", "against": "torch.nn:A", "on": "input (2, 3)", "threads": 2, "torch": "2.13", "equal": True,
    "difference": 0.0, "times": TIMES,
}  # fmt: skip


def corekit(*words):
    return subprocess.run([sys.executable, "-m", "corekit", "bench", *words], capture_output=True, text=True)


@pytest.mark.slow
def test_equal_ones_are_timed():
    sgd = ["--args", '{"lr": 0.1}', "--rival-args", '{"lr": 0.1}', "--shape", "8,8", "--rounds", "5", "--json"]

    done = corekit("SGD", "--against", "torch.optim:SGD", *sgd)

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["times"]["step"]["ratio"] > 0


@pytest.mark.slow
def test_unequal_ones_exit_with_1():
    done = corekit("Dropout", "--against", "torch.nn:ReLU", "--rival-args", "{}")

    assert done.returncode == 1
    assert "no speed is compared" in done.stdout


@pytest.mark.parametrize("words", [["--shape", "a"], ["--args", "[1]"], ["--args", "{"]])
def test_wrong_options_exit_with_2(words):
    assert CliRunner().invoke(group, ["bench", "Dense", *words]).exit_code == 2


def test_what_cannot_be_measured_is_told():
    result = CliRunner().invoke(group, ["bench", "relu"])

    assert (result.exit_code, 'no layer, op or optimizer is called "relu"' in result.stderr) == (1, True)


def test_spread_is_called_noisy():
    noisy = {**ANSWER, "times": {"forward": {**TIMES["forward"], "quartiles": [0.4, 0.6]}}}

    assert "  forward                   10.0      20.0    0.50   0.48 to 0.52" in _written(ANSWER, 1e-4)
    assert not any("Noisy" in line for line in _written(ANSWER, 1e-4))
    assert "  Noisy: forward. " in "\n".join(_written(noisy, 1e-4))


@pytest.mark.slow
def test_rival_of_an_op_is_its_reference():
    done = corekit("linear_relu", "--shape", "4,3", "--shape", "3,2", "--rounds", "5")

    assert done.returncode == 0, done.stderr
    assert (
        "corekit-custom-ops:linear_relu  against  its reference\n  input (4, 3), (3, 2), float32 on cpu" in done.stdout
    )
