import logging
import os
import random
import sys

import numpy as np
import pytest
import torch

from corekit.testing.effects import TORCH_GENERATOR, watched

EFFECTS = {
    "environment variables": lambda: os.environ.update(MINE="1"),
    "working directory": lambda: os.chdir("/"),
    "sys.path": lambda: sys.path.append("/nowhere"),
    "recursion limit": lambda: sys.setrecursionlimit(sys.getrecursionlimit() + 1),
    "root logger": lambda: logging.root.addHandler(logging.NullHandler()),
    "Python's random generator": random.random,
    "numpy's random generator": lambda: np.random.random(),
    TORCH_GENERATOR: lambda: torch.rand(1),
    "default dtype": lambda: torch.set_default_dtype(torch.float64),
    "number of threads": lambda: torch.set_num_threads(torch.get_num_threads() + 1),
    "records gradients": lambda: torch.set_grad_enabled(False),
    "deterministic mode": lambda: torch.use_deterministic_algorithms(True),
    "replaces torch.relu": lambda: setattr(torch, "relu", torch.tanh),
    "prints 'hello": lambda: print("hello"),
}


@pytest.mark.parametrize("word", EFFECTS)
def test_effect_is_named(word):
    with torch.random.fork_rng(), watched() as found:
        EFFECTS[word]()

    assert word in found[0]
    assert len(found) == (2 if word == "default dtype" else 1)  # torch.Storage follows the dtype


@pytest.mark.parametrize("word", [word for word in EFFECTS if word != TORCH_GENERATOR])
def test_effect_is_undone(word):
    with watched():
        EFFECTS[word]()
    with watched() as found:
        pass

    assert found == []
    assert torch.relu(torch.tensor(-1.0)) == 0
    assert torch.get_default_dtype() == torch.float32
    assert torch.is_grad_enabled()
    assert "MINE" not in os.environ
    assert os.getcwd() != "/"


def test_nothing_changed_is_nothing_found():
    with watched() as found:
        torch.ones(2).sum()

    assert found == []


def test_what_is_allowed_is_not_named():
    with torch.random.fork_rng(), watched(allowed=(TORCH_GENERATOR,)) as found:
        torch.rand(1)

    assert found == []
