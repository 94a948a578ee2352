"""The registry's state in other processes: workers have it too, and ranks compare it."""

import os
import subprocess
import sys

import pytest

import corekit
from corekit.registry.state import difference, digest, state

SEES = "import corekit; print(hasattr(corekit.layers, 'Dense'), hasattr(corekit.layers, 'Dropout'))"
RANK = """
import sys, torch.distributed as dist, numpy as np, corekit as ck
rank, folder = int(sys.argv[1]), sys.argv[2]
dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
model = ck.Sequential([ck.Input((3,)), ck.layers.Dense(1)])
model.compile("sgd", "mse", jit_compile=False)
try:
    model.fit(np.zeros((4, 3), "float32"), np.zeros((4, 1), "float32"), verbose=0)
    print("trained")
except ck.CorekitError as error:
    print(error)
dist.barrier()
"""


def test_state_names_plugins_versions_and_decisions(site):
    site.install("corekit-norms", {"layers": {"Norm": "norms:Norm"}}, version="1.2")
    registry = site.registry()

    assert state(registry) == ["corekit-norms 1.2"]
    with corekit.plugins(disable=["corekit-norms"]):
        assert state(registry) == ["corekit-norms 1.2", "disable corekit-norms"]
        assert digest(state(registry)) != digest(["corekit-norms 1.2"])


def test_state_is_the_same_under_any_hash_seed():
    code = "from corekit.registry import registry; from corekit.registry.state import state; print(state(registry))"
    told = {
        subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True
        ).stdout
        for seed in ("1", "2", "3")
    }

    assert len(told) == 1
    assert b"corekit-layers-basic" in told.pop()


def test_difference_names_both_sides():
    assert difference(["a 1", "b 1"], ["b 1", "a 2"], "here", "there") == "only here has a 1; only there has a 2"
    assert difference(["a 1"], ["a 1"], "here", "there") == ""


def test_worker_that_is_spawned_inside_a_with_has_its_policy():
    with corekit.plugins(disable=["corekit-layers-basic:Dense"]):
        inside = subprocess.run([sys.executable, "-c", SEES], capture_output=True, text=True).stdout
    outside = subprocess.run([sys.executable, "-c", SEES], capture_output=True, text=True).stdout

    assert (inside, outside) == ("False True\n", "True True\n")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_worker_that_is_forked_inside_a_with_has_its_policy():
    reader, writer = os.pipe()
    with corekit.plugins(disable=["corekit-layers-basic:Dense"]):
        child = os.fork()
        if not child:
            os.write(writer, repr(hasattr(corekit.layers, "Dense")).encode())
            os._exit(0)
    os.waitpid(child, 0)

    assert os.read(reader, 9) == b"False"


@pytest.mark.slow
@pytest.mark.parametrize("other", ["", "corekit-optim-adamw"])
def test_ranks_with_other_plugins_do_not_train(tmp_path, other):
    ranks = [
        subprocess.Popen(
            [sys.executable, "-c", RANK, str(rank), str(tmp_path)],
            env={**os.environ, "COREKIT_DISABLE": off},
            stdout=subprocess.PIPE,
            text=True,
        )
        for rank, off in enumerate(["", other])
    ]
    told = [rank.communicate(timeout=120)[0] for rank in ranks]

    if other:
        assert all("only rank 1 has disable corekit-optim-adamw" in text for text in told)
    else:
        assert told == ["trained\n", "trained\n"]
