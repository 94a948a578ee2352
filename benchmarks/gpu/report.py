"""The GPU results as Markdown."""

from __future__ import annotations

import statistics
from typing import Any

from benchmarks.tables import paired, spread, table
from benchmarks.workloads import WORKLOADS

Run = dict[str, Any]
TUNED = ("tuned", "compiled", "cuda_graph")  # the tuned loop of a workload is the fastest of these


def page(results: dict[str, Any]) -> str:
    """Return the whole report."""
    head = f"# Benchmarks of {results['date']} on {results['device']}\n\ntorch {results['torch']}"
    rate = results["matmul_flops"]
    parts = [f"{head}; bf16 matrix product {rate / 1e12:,.3g} TFLOP/s"]
    for workload in dict.fromkeys(run["workload"] for run in results["runs"]):
        own = [run for run in results["runs"] if run["workload"] == workload]
        parts.append(_item(workload, own, results["flop"][workload], rate))
    legend = """Figures are medians, with (least-most). `ratio` is to the tuned loop of the same round, the fastest of
tuned, compiled and cuda_graph. `of matmul`: the FLOP/s achieved over those of the matrix product above. `step MB`: the
most memory that steps take beyond what all loops hold at rest."""
    return "\n\n".join([*parts, legend]) + "\n"


def _item(workload: str, runs: list[Run], flop: float, rate: float) -> str:
    timed = [run for run in runs if "step_us" in run]
    tuned = best(timed)
    rows = []
    for name in dict.fromkeys(run["framework"] for run in runs):
        own = [run for run in timed if run["framework"] == name]
        ready = next(run for run in runs if run["framework"] == name)
        if not own:
            rows.append([name, f"not run: {ready.get('missing', 'no round was made')}", *[""] * 5])
            continue
        flops = flop / (1e-6 * statistics.median(run["step_us"] for run in own))
        ratios = paired(own, tuned, "step_us")
        told = f"{statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})" if ratios else ""
        rows.append([
            name, spread(own, "step_us", "{:,.0f}"), told, f"{flops / 1e12:,.3g} ({flops / rate:.1%})",
            f"{ready['first_epoch_s']:.2f}", spread(own, "step_mb", "{:,.0f}"), own[-1]["engine"] or "",
        ])  # fmt: skip
    head = ["loop", "step us", "ratio", "TFLOP/s (of matmul)", "first epoch s", "step MB", "engine"]
    about = "a GPT of 124M parameters, 1,024 tokens, bf16" if workload == "GPT" else WORKLOADS[workload].about
    return f"## {workload}: {about}\n\n{table(head, rows)}"


def best(runs: list[Run]) -> dict[int, Run]:
    """Return round -> the run of the fastest hand-written loop."""
    found = [[run for run in runs if run["framework"] == name] for name in TUNED]
    done = [own for own in found if own]
    if not done:
        return {}
    fastest = min(done, key=lambda own: statistics.median(run["step_us"] for run in own))
    return {run["round"]: run for run in fastest}
