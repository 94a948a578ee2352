"""From runs to tables in Markdown: medians with their spread, and ratios paired within a round."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from typing import Any

from benchmarks.frameworks import TUNED
from benchmarks.workloads import WORKLOADS

Run = dict[str, Any]
QUIET = 0.2  # cores that others may use


def page(results: dict[str, Any]) -> str:
    """Return the whole report of a results file."""
    machine, runs = results["machine"], results["runs"]
    told = ", ".join(f"{name} {value}" for name, value in machine.items())
    parts = [f"# Benchmarks of {results['date']}\n\n{told}\n\n{_versions(runs)}"]
    steady = [run for run in runs if "step_us" in run or ("missing" in run and not run["asked_steps"])]
    for workload in _in_order(steady, "workload"):
        parts.append(_steady(workload, [run for run in steady if run["workload"] == workload]))
    if any("step_us" in run for run in steady):
        parts.append(_imports(steady))
    timed = [run for run in runs if run["asked_steps"]]
    for workload in _in_order(timed, "workload"):
        parts.append(_times(workload, [run for run in timed if run["workload"] == workload]))
    return "\n\n".join([*parts, _LEGEND]) + "\n"


_LEGEND = """Figures are medians, with (least-most). `ratio` is to the tuned loop of the same round, the faster of
torch_tuned and torch_compiled. `quiet k/n`: in k of n runs other processes used less than 0.2 of a core; the medians
are over these, or over all where there are none. Memory is the training process's peak, `+` its children's."""


def _steady(workload: str, runs: list[Run]) -> str:
    what = WORKLOADS[workload]
    rows = []
    tuned = best_tuned(runs)
    for name in _in_order(runs, "framework"):
        own = [run for run in runs if run["framework"] == name]
        if "missing" in own[-1]:
            rows.append([name, f"not run: {own[-1]['missing']}", *[""] * 7])
            continue
        quiet = trusted(own)
        helpers = max(run["helpers_mb"] for run in own)
        rows.append([
            name, spread(quiet, "step_us", "{:,.0f}"), _ratio(paired(own, tuned, "step_us")),
            spread(quiet, "first_epoch_s", "{:.2f}"), spread(quiet, "predict_1_us", "{:,.0f}"),
            spread(quiet, "predict_10k_ms", "{:,.1f}"),
            spread(quiet, "peak_rss_mb", "{:,.0f}") + (f" + {helpers:,.0f}" if helpers > 1 else ""),
            f"{len([run for run in own if _is_quiet(run)])}/{len(own)}", own[-1]["engine"] or "",
        ])  # fmt: skip
    head = ["framework", "step us", "ratio", "first epoch s", "predict 1 row us", "predict 10,000 rows ms", "peak MB",
            "quiet", "engine"]  # fmt: skip
    title = f"## {workload}: {what.about}; {what.optimizer}, batch {what.batch}, {what.steps} steps an epoch"
    return f"{title}\n\n{table(head, rows)}"


def _imports(runs: list[Run]) -> str:
    done = [run for run in runs if "import_s" in run]
    rows = []
    for name in _in_order(done, "framework"):
        own = trusted([run for run in done if run["framework"] == name])
        rows.append([name, spread(own, "import_s", "{:.2f}"), str(len(own))])
    return f"## Import\n\n{table(['framework', 'seconds', 'runs'], rows)}"


def _times(workload: str, runs: list[Run]) -> str:
    """Return seconds to N steps: a row for each N and cache, a column for each framework."""
    names = _in_order(runs, "framework")
    rows = []
    for cache in _in_order(runs, "cache"):
        for steps in sorted({run["asked_steps"] for run in runs}):
            asked = [run for run in runs if (run["asked_steps"], run["cache"]) == (steps, cache)]
            rows.append([f"{steps:,}", cache, *(_seconds(asked, name) for name in names), _ratio(over_better(asked))])
    reasons = {run["framework"]: run["missing"] for run in runs if "missing" in run}
    told = "".join(f"\n\n{name} was not run: {reason}" for name, reason in reasons.items())
    legend = (
        "`~`: ended when steady, the rest reckoned. `ratio`: corekit over the better of its eager and compiled runs."
    )
    head = table(["N", "cache", *names, "ratio"], rows)
    return f"## {workload}: seconds to N steps\n\n{head}\n\n{legend}{told}"


def _seconds(runs: list[Run], framework: str) -> str:
    own = [run for run in runs if run["framework"] == framework and "seconds" in run]
    if not own:
        return "not run"
    return ("~" if any(run["reckoned"] for run in own) else "") + spread(trusted(own), "seconds", "{:.3g}")


def over_better(runs: list[Run]) -> list[float]:
    """Return corekit's "auto" over the better, by median, of eager and compiled, paired by round."""
    forced = [[run for run in runs if run["framework"] == f"corekit_{engine}" and "seconds" in run]
              for engine in ("eager", "compiled")]  # fmt: skip
    if not all(forced):
        return []
    better = min(forced, key=lambda own: statistics.median(run["seconds"] for run in trusted(own)))
    auto = [run for run in runs if run["framework"] == "corekit"]
    return paired(auto, {run["round"]: run for run in better}, "seconds")


def best_tuned(runs: list[Run]) -> dict[int, Run]:
    """Return round -> the run of the tuned loop: that of `TUNED` with the lower median."""
    found = {name: [run for run in runs if run["framework"] == name and "step_us" in run] for name in TUNED}
    done = {name: own for name, own in found.items() if own}
    if not done:
        return {}
    best = min(done.values(), key=lambda own: statistics.median(run["step_us"] for run in trusted(own)))
    return {run["round"]: run for run in best}


def paired(own: list[Run], base: dict[int, Run], field: str) -> list[float]:
    """Return the ratios to the base's runs of the same rounds; of quiet pairs, if there are any."""
    pairs = [(run, base[run["round"]]) for run in own if run["round"] in base and field in run]
    quiet = [pair for pair in pairs if all(map(_is_quiet, pair))]
    return [run[field] / other[field] for run, other in quiet or pairs]


def trusted(runs: list[Run]) -> list[Run]:
    """Return the runs on a quiet machine, or all where there are none."""
    return [run for run in runs if _is_quiet(run)] or runs


def spread(runs: list[Run], field: str, form: str) -> str:
    """Return "median (least-most)"."""
    values = [run[field] for run in runs if run.get(field) is not None]
    if not values:
        return ""
    least, most = form.format(min(values)), form.format(max(values))
    return form.format(statistics.median(values)) + (f" ({least}-{most})" if len(values) > 1 else "")


def table(head: list[str], rows: Iterable[list[str]]) -> str:
    def line(cells: list[str]) -> str:
        return "| " + " | ".join(cells) + " |"

    return "\n".join([line(head), "|---|" + "---:|" * (len(head) - 1), *map(line, rows)])


def _ratio(ratios: list[float]) -> str:
    if not ratios:
        return ""
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f}; {len(ratios)})"


def _is_quiet(run: Run) -> bool:
    return run.get("others") is None or run["others"] < QUIET


def _in_order(runs: list[Run], field: str) -> list[Any]:
    return list(dict.fromkeys(run[field] for run in runs))


def _versions(runs: list[Run]) -> str:
    found = {name: version for run in runs for name, version in run.get("versions", {}).items()}
    return ", ".join(f"{name} {version}" for name, version in sorted(found.items()))
