"""One run on a CUDA machine, under 8 minutes: W1 to W6 and a GPT, naive, tuned, compiled, as a CUDA graph, and corekit.

    python -m benchmarks.gpu                              # writes to $OUT, or to benchmarks/results
    python -m benchmarks.gpu --device cpu --tiny          # whether it runs at all, without a GPU

Everything runs in this process: of each workload all loops are made, then measured in turn, three times. What fails or
has no time left stands in the table with its reason.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import io
import json
import os
import platform
import signal
import statistics
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from types import FrameType
from typing import Any

import torch

from benchmarks.child import MANY, Clock
from benchmarks.frameworks import NotApplicableError, torch_compile_public, torch_naive, torch_tuned
from benchmarks.gpu.gpt import TINY, CorekitGpt, GptLoop, Size
from benchmarks.gpu.graph import GraphLoop
from benchmarks.gpu.report import page
from benchmarks.workloads import WORKLOADS, Workload, samples

Make = Callable[[], Any]
ROUNDS = 3
LOOPS = ("naive", "tuned", "compiled", "cuda_graph", "corekit")


class OutOfTimeError(Exception):
    """An item took longer than its share."""


@contextlib.contextmanager
def within(seconds: float) -> Iterator[None]:
    """Stop what runs inside after so many seconds.

    Raises:
        OutOfTimeError: it took longer.
    """

    def stop(number: int, frame: FrameType | None) -> None:
        raise OutOfTimeError(f"took longer than its {seconds:.0f} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.001))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def matmul_rate(device: str, size: int) -> float:
    """Return the card's bf16 FLOP/s on a square product, the best of ten."""
    left, right = (torch.randn(size, size, device=device, dtype=torch.bfloat16) for _ in range(2))
    times = []
    for _ in range(13):
        start = time.perf_counter()
        left @ right
        wait(device)
        times.append(time.perf_counter() - start)
    return 2.0 * size**3 / min(times[3:])


def wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def loops(workload: Workload, device: str) -> dict[str, Make]:
    """Return what is compared on a workload, by name; the samples are made once."""
    x, y = samples(workload, workload.batch * workload.steps)

    def corekit() -> Any:
        from benchmarks.frameworks.corekit_fit import prepare  # the torch loops run without it

        return prepare(workload, x, y, "auto")

    kinds: dict[str, Any] = {"naive": torch_naive.NaiveLoop, "tuned": torch_tuned.TunedLoop,
                             "compiled": torch_compile_public.PublicLoop, "cuda_graph": GraphLoop}  # fmt: skip
    made: dict[str, Make] = {name: lambda kind=kind: kind(workload, x, y, device) for name, kind in kinds.items()}
    return {**made, "corekit": corekit}


def gpt_loops(size: Size, device: str) -> dict[str, Make]:
    made: dict[str, Make] = {way: lambda way=way: GptLoop(size, device, way) for way in LOOPS[:-1]}
    return {**made, "corekit": lambda: CorekitGpt(size, device, "corekit")}


def item(name: str, steps: int, made: dict[str, Make], options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Measure one workload: warm every loop up, then go round."""
    sessions: dict[str, Any] = {}
    share = options.share
    for loop, make in made.items():
        record = {"workload": name, "framework": loop}
        start = time.perf_counter()
        try:
            if time.monotonic() > options.deadline:
                raise OutOfTimeError("no time was left")
            with within(share):
                session = make()
                clock = train(session, 0.0, share / 2)
            sessions[loop] = session
        except Exception as error:  # whatever a compiler or a card says becomes a row
            reason = str(error).strip().splitlines() or [type(error).__name__]
            yield record | {"missing": reason[0][:160], "is_reasoned": isinstance(error, NotApplicableError)}
            continue
        yield record | {"first_epoch_s": clock.epochs[0], "ready_s": time.perf_counter() - start}
    for number in range(ROUNDS):
        for loop, session in sessions.items():
            yield {"workload": name, "framework": loop, "round": number} | block(session, steps, options)


def block(session: Any, steps: int, options: argparse.Namespace) -> dict[str, Any]:
    """Train for a moment and return the step time."""
    is_cuda = options.device == "cuda"
    before = torch.cuda.memory_allocated() if is_cuda else 0
    if is_cuda:
        torch.cuda.reset_peak_memory_stats()
    clock = train(session, options.seconds, options.share / 2)
    taken = (torch.cuda.max_memory_allocated() - before) / 2**20 if is_cuda else None
    return {"step_us": 1e6 * statistics.median(clock.steady) / steps, "step_mb": taken, "engine": session.engine()}


def train(session: Any, seconds: float, patience: float) -> Clock:
    """Train until steady, and so many seconds more; what a progress bar prints is left out of the report."""
    clock = Clock(session, seconds, patience)
    with contextlib.redirect_stdout(io.StringIO()):
        session.fit(MANY, clock.after_epoch)
    return clock


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Run every item and return the results."""
    device, runs = options.device, []
    card = torch.cuda.get_device_name() if device == "cuda" else platform.processor() or platform.machine()
    rate = matmul_rate(device, 256 if options.tiny else 8192)
    size = TINY if options.tiny else Size()
    results = {"date": str(date.today()), "device": card, "torch": torch.__version__, "matmul_flops": rate,
               "flop": {}, "runs": runs}  # fmt: skip
    for name in options.workloads:
        if name == "GPT":
            made, steps, flop = gpt_loops(size, device), size.steps, size.flop
        else:
            workload = sized(WORKLOADS[name], options.tiny)
            made, steps = loops(workload, device), workload.steps
            flop = 1e6 * workload.mflop * workload.batch / WORKLOADS[name].batch
        results["flop"][name] = flop
        for record in item(name, steps, {loop: made[loop] for loop in options.loops}, options):
            runs.append(record)
            print(told(record), flush=True)
    return results


def sized(workload: Workload, tiny: bool) -> Workload:
    """Return the workload with epochs long enough for a GPU, or as small as can be."""
    if tiny:
        return dataclasses.replace(workload, batch=4, steps=2)
    return dataclasses.replace(workload, steps=max(workload.steps, 100))


def told(record: dict[str, Any]) -> str:
    name = f"{record['workload']:4} {record['framework']:11}"
    if "missing" in record:
        return f"{name} not run: {record['missing']}"
    if "step_us" in record:
        return f"{name} {record['step_us']:,.0f} us a step"
    return f"{name} ready after {record['ready_s']:.1f} s"


def parse(line: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda", choices=["cuda", "cpu"])
    parser.add_argument("--tiny", action="store_true", help="two small steps an epoch: only whether everything runs")
    parser.add_argument("--workloads", type=lambda text: text.split(","), default=["GPT", *WORKLOADS])
    parser.add_argument("--loops", type=lambda text: text.split(","), default=LOOPS, help=f"of {', '.join(LOOPS)}")
    parser.add_argument("--seconds", type=float, help="of steady training in each round; default 0.3, tiny 0")
    parser.add_argument("--minutes", type=float, default=6.5, help="after which nothing new is begun")
    parser.add_argument("--share", type=float, default=60.0, help="seconds that a loop may take to get ready")
    parser.add_argument("--out", type=Path, default=Path(os.environ.get("OUT", Path(__file__).parents[1] / "results")))
    options = parser.parse_args(line)
    options.seconds = (0.0 if options.tiny else 0.3) if options.seconds is None else options.seconds
    options.deadline = time.monotonic() + 60 * options.minutes
    return options


def main(line: list[str] | None = None) -> None:
    options = parse(line)
    results = run(options)
    options.out.mkdir(parents=True, exist_ok=True)
    target = options.out / f"{date.today()}-gpu.json"
    target.write_text(json.dumps(results, indent=1) + "\n")
    target.with_suffix(".md").write_text(page(results))
    print("\n" + page(results))


if __name__ == "__main__":
    main()
