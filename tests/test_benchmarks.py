"""The benchmarks run: every workload, in corekit and in torch's loops, for a few steps."""

import dataclasses
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import child, tables
from benchmarks.frameworks import FRAMEWORKS, NotApplicableError, Session, load
from benchmarks.gpu import __main__ as gpu
from benchmarks.gpu.gpt import Gpt, Size
from benchmarks.workloads import WORKLOADS, Workload, samples

IN_PROCESS = ["corekit", "torch_naive", "torch_tuned"]  # what needs neither a compiler nor another environment


@pytest.fixture(autouse=True)
def _denormals() -> Iterator[None]:
    """Keep the loops' flushing of denormals from later tests."""
    yield
    torch.set_flush_denormal(False)


def small(name: str) -> Workload:
    return dataclasses.replace(WORKLOADS[name], batch=4, steps=2)


def prepared(framework: str, workload: Workload) -> Session:
    torch.manual_seed(0)
    x, y = samples(workload, workload.batch * workload.steps)
    try:
        return load(framework)(workload, x, y, FRAMEWORKS[framework][1])
    except NotApplicableError as reason:
        pytest.skip(str(reason))


@pytest.mark.parametrize("framework", IN_PROCESS)
@pytest.mark.parametrize("name", WORKLOADS)
def test_workload_trains_and_predicts(name: str, framework: str) -> None:
    workload = small(name)
    session = prepared(framework, workload)
    epochs: list[int] = []

    session.fit(5, lambda: epochs.append(1) or len(epochs) == 2)

    assert len(epochs) == 2
    found = session.predict(samples(workload, 3)[0])
    np.testing.assert_allclose(found.sum(axis=-1), np.ones(3), rtol=1e-5)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch")  # torch's compiler imports what torch deprecates
@pytest.mark.parametrize("framework", ["torch_compiled", "torch_compile_public"])
@pytest.mark.parametrize("name", ["W2", "W3", "W5"])
def test_compiled_loop_trains_as_the_eager_one(name: str, framework: str) -> None:
    losses = []
    for each in ("torch_tuned", framework):
        session = prepared(each, small(name))
        session.fit(5, lambda: False)
        losses.append(session.read)

    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-5, atol=1e-5)  # float32, ten steps of Adam


def test_labels_follow_a_linear_teacher() -> None:
    workload = WORKLOADS["W1"]

    x, y = samples(workload, 2000)

    solved = np.linalg.lstsq(x, y, rcond=None)[0]
    assert (np.argmax(x @ solved, axis=1) == y.argmax(axis=1)).mean() > 0.8
    assert (x.dtype, y.dtype) == ("float32", "float32")


def test_clock_counts_steady_epochs_only() -> None:
    class Settles:
        epochs = 0

        def settled(self) -> bool:
            self.epochs += 1
            return self.epochs > 4

    clock = child.Clock(Settles(), seconds=0, patience=60)  # type: ignore[arg-type]

    ended = [clock.after_epoch() for _ in range(8)]

    assert ended == [False] * 7 + [True]
    assert len(clock.steady) == 3


def test_child_times_a_training_of_n_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(WORKLOADS, "W3", small("W3"))
    line = ["torch_naive", "W3", "--steps", "10", "--out", str(tmp_path / "line.json")]

    found = child.measure(child.parse(line))

    assert found["steps"] == 10
    assert not found["reckoned"]


def test_gpu_benchmark_runs_dry_on_cpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Else it trains for half a minute, four times, while a helper compiles: for steps of this size, in vain.
    monkeypatch.setattr(gpu, "Clock", lambda session, seconds, patience: child.Clock(session, seconds, patience=1.0))
    line = ["--device", "cpu", "--tiny", "--workloads", "GPT,W3", "--loops", "naive,tuned,cuda_graph,corekit", "--out"]

    gpu.main([*line, str(tmp_path)])

    text = next(tmp_path.glob("*-gpu.md")).read_text()
    assert text.count("| cuda_graph | not run: CUDA graphs need CUDA |") == 2
    assert text.count("not run") == 2


def test_gpt_has_124_million_parameters() -> None:
    with torch.device("meta"):
        model = Gpt(Size(), "meta")

    assert round(sum(weight.numel() for weight in model.parameters()) / 1e6) == 124


def test_item_out_of_time_is_stopped() -> None:
    with pytest.raises(gpu.OutOfTimeError, match="took longer than its 0 s"), gpu.within(0.01):
        time.sleep(5)


def test_table_pairs_runs_of_the_same_round() -> None:
    fast, slow = [10.0, 30.0], [20.0, 60.0]
    runs = [
        {"framework": name, "workload": "W1", "round": number, "asked_steps": 0, "step_us": us, "first_epoch_s": 1.0,
         "predict_1_us": 1.0, "predict_10k_ms": 1.0, "peak_rss_mb": 1.0, "helpers_mb": 0.0, "engine": None,
         "import_s": 1.0, "others": 0.0, "versions": {}}
        for number in range(2)
        for name, us in (("torch_tuned", fast[number]), ("torch_naive", slow[number]))
    ]  # fmt: skip
    runs.append({"framework": "fastai", "workload": "W1", "round": 0, "asked_steps": 0, "missing": "no wheel"})

    text = tables.page({"date": "today", "machine": {"cpu": "a CPU"}, "runs": runs})

    assert "| torch_naive | 40 (20-60) | 2.00 (2.00-2.00; 2) |" in text
    assert "| fastai | not run: no wheel |" in text
