"""The helper process: it compiles what it is given, says how fast it is, and ends with its owner."""

import os
import shutil
import time

import pytest
import torch

from corekit.training.engine.compiled import CompiledStep
from corekit.training.engine.inductor import CompilerError
from corekit.training.engine.process import CompilerProcess, Like

needs_compiler = pytest.mark.skipif(not shutil.which("g++"), reason="Inductor needs a C++ compiler")


def wait(process, seconds=300):
    deadline = time.monotonic() + seconds
    while not process.is_done():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return process.result()


def make_step():
    weight, noise = torch.nn.Parameter(torch.ones(8, 4)), torch.zeros(())

    def step(batch):
        loss = torch.nn.functional.dropout(torch.tanh(batch[0] @ weight), 0.5).square().sum()
        (grad,) = torch.autograd.grad(loss, [weight])
        with torch.no_grad():
            weight.sub_(0.1 * grad)
            noise.add_(loss)

    return step, weight


@needs_compiler
@pytest.mark.slow
def test_what_it_compiles_is_in_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    given = (torch.randn(16, 8),)
    (eager, expected), (step, weight) = make_step(), make_step()
    compiled = CompiledStep(step, given)
    with pytest.raises(CompilerError, match="not in torch's cache"):
        compiled.load(only_cached=True)

    found = wait(CompilerProcess([(compiled.graph(), compiled.inputs)]))
    compiled.load(only_cached=True)

    assert all(found[name] > 0 for name in ("eager", "compiled", "took"))
    with torch.no_grad():
        weight.fill_(1)
    for run in (eager, compiled.take):
        torch.manual_seed(0)
        for _ in range(3):
            run(given)
    torch.testing.assert_close(weight, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_what_goes_wrong_is_told():
    process = CompilerProcess([(b"no graph", [torch.ones(1)])])

    assert wait(process) == {"error": "UnpicklingError: invalid load key, 'n'."}


def test_stop_ends_it_and_its_files():
    process = CompilerProcess([])
    pid, folder = process._process.pid, process._path

    process.stop()

    assert not folder.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.parametrize("tensor", [torch.ones(3, 2).t(), torch.zeros(2, dtype=torch.int64), torch.ones(())])
def test_made_up_inputs_are_alike(tensor):
    made = Like.of(tensor).make()

    assert (made.shape, made.stride(), made.dtype) == (tensor.shape, tensor.stride(), tensor.dtype)


def test_made_up_weights_want_gradients():
    assert Like.of(torch.nn.Parameter(torch.ones(2))).make().requires_grad
