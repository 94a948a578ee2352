"""One measurement in a process of its own: `python -m benchmarks.child torch_naive W1 --out line.json`.

`run.py` starts it with the framework's own interpreter. It writes one JSON object; what it prints is the framework's.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.frameworks import FRAMEWORKS, NotApplicableError, Session, load
from benchmarks.workloads import WORKLOADS, Array, Workload, samples

MANY = 1_000_000  # epochs: more than fit in the time, so the stop decides
PACKAGES = ("torch", "keras", "tensorflow", "tensorflow-cpu", "jax", "lightning", "skorch", "fastai", "numpy")


class Clock:
    """Times epochs, and says when enough of them are steady.

    Args:
        session: asked after each epoch whether its engine may still change.
        seconds: how long to go on in the steady state.
        patience: after so many seconds of training whatever runs counts as steady.
    """

    def __init__(self, session: Session, seconds: float, patience: float) -> None:
        self.session, self.seconds, self.patience = session, seconds, patience
        self.epochs: list[float] = []
        self.steady_from = 1  # the first epoch traces, compiles and warms up
        self.began = self.last = time.perf_counter()

    def after_epoch(self) -> bool:
        now = time.perf_counter()
        self.epochs.append(now - self.last)
        settled = getattr(self.session, "settled", lambda: True)() or now - self.began > self.patience
        if not settled:
            self.steady_from = len(self.epochs) + 1
        steady = self.steady
        self.last = time.perf_counter()
        return settled and len(steady) >= 3 and sum(steady) >= self.seconds

    @property
    def steady(self) -> list[float]:
        return self.epochs[self.steady_from :]


def steady(session: Session, workload: Workload, seconds: float, patience: float) -> dict[str, Any]:
    """Train until the step time is steady, then a while; afterwards predict one row and 10,000."""
    clock = Clock(session, seconds, patience)
    session.fit(MANY, clock.after_epoch)
    found = {
        "first_epoch_s": clock.epochs[0],
        "step_us": 1e6 * statistics.median(clock.steady) / workload.steps,
        "best_step_us": 1e6 * min(clock.steady) / workload.steps,
        "epochs_s": [round(epoch, 6) for epoch in clock.epochs],
        "steady_from": clock.steady_from,
        "engine": session.engine(),
        "peak_rss_mb": peak_rss_mb(),
    }
    one, many = samples(workload, 1)[0], samples(workload, 10_000)[0]
    return found | {
        "predict_1_us": 1e6 * median_time(lambda: session.predict(one)),
        "predict_10k_ms": 1e3 * median_time(lambda: session.predict(many)),
    }


def time_to(session: Session, workload: Workload, steps: int, limit: float, patience: float) -> dict[str, Any]:
    """Return the seconds that a training of so many steps takes, compiling included.

    A training that outlasts `limit` is ended once it is steady, and its rest reckoned from its steady epochs.
    """
    epochs, per_epoch = plan(workload, steps)
    clock = Clock(session, 0.0, patience)
    session.fit(epochs, lambda: clock.after_epoch() and sum(clock.epochs) > limit)
    left = epochs - len(clock.epochs)
    rest = left * statistics.median(clock.steady) if left else 0.0
    return {"steps": epochs * per_epoch, "seconds": sum(clock.epochs) + rest, "reckoned": bool(left),
            "engine": session.engine(), "peak_rss_mb": peak_rss_mb()}  # fmt: skip


def plan(workload: Workload, steps: int) -> tuple[int, int]:
    """Return (epochs, steps per epoch) of a training of so many steps."""
    return max(1, steps // workload.steps), min(steps, workload.steps)


def median_time(function: Callable[[], Any], seconds: float = 0.5) -> float:
    """Return the median seconds of calls during half a second, three at least, after two that warm up."""
    function(), function()
    times: list[float] = []
    while len(times) < 3 or (sum(times) < seconds and len(times) < 2000):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def peak_rss_mb() -> float | None:
    """Return the most memory this process has held so far; None where the system does not tell."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), None)


def versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    start = time.perf_counter()
    try:
        prepare = load(arguments.framework)
    except ImportError as error:
        return {"missing": f"not installed ({error})"}
    found: dict[str, Any] = {"import_s": time.perf_counter() - start}
    workload = WORKLOADS[arguments.workload]
    per_epoch = plan(workload, arguments.steps)[1] if arguments.steps else workload.steps
    x, y = samples(workload, workload.batch * per_epoch)
    found["versions"] = versions()
    try:
        start = time.perf_counter()
        session = prepare(workload, x, y, FRAMEWORKS[arguments.framework][1])
    except NotApplicableError as reason:
        return found | {"missing": str(reason)}
    found["build_s"] = time.perf_counter() - start
    del x, y
    if arguments.steps:
        return found | time_to(session, workload, arguments.steps, arguments.seconds, arguments.patience)
    return found | steady(session, workload, arguments.seconds, arguments.patience)


def parse(line: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("framework", choices=list(FRAMEWORKS))
    parser.add_argument("workload", choices=list(WORKLOADS))
    parser.add_argument("--steps", type=int, default=0, help="time a training of so many steps instead")
    parser.add_argument("--seconds", type=float, default=2.0, help="of steady training; with --steps the limit")
    parser.add_argument("--patience", type=float, default=120.0, help="for the engine to settle")
    parser.add_argument("--out", type=Path, required=True)
    return parser.parse_args(line)


if __name__ == "__main__":
    given = parse()
    line: dict[str, Array | Any] = {"framework": given.framework, "workload": given.workload} | measure(given)
    given.out.write_text(json.dumps(line) + "\n")
