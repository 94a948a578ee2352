"""The table: every framework on every workload, in rounds A B C ... A B C ..., each run a process of its own.

    python -m benchmarks.run                                            # what `make bench` does
    python -m benchmarks.run --workloads W1,W4 --frameworks corekit,torch_tuned,torch_compiled --rounds 5
    python -m benchmarks.run --measure steps --cache warm,cold          # seconds to N steps

Writes results/DATE-CPU.json after every run, and the same as Markdown at the end.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks.environments import HERE, InstallError, interpreter
from benchmarks.frameworks import FRAMEWORKS
from benchmarks.process import watch
from benchmarks.tables import page
from benchmarks.workloads import WORKLOADS

CACHES = HERE / ".caches"
COMPILING = ("corekit", "corekit_compiled", "torch_compiled", "torch_compile_public")  # they keep a cache on disk
STEADY = [name for name in FRAMEWORKS if name not in ("corekit_compiled", "torch_compile_public")]
CACHED = (*COMPILING, "corekit_eager")  # what is run with a cold cache: those, and what corekit is compared with
TIMED = ["corekit", "corekit_eager", "corekit_compiled", "torch_tuned", "torch_compiled"]
STEPS = [1, 10, 100, 1000, 10_000]


def environment(framework: str, cache: Path) -> dict[str, str]:
    """Return the child's variables: its cache, its backend, and nothing of ours that changes how threads wait."""
    kept = {name: value for name, value in os.environ.items() if name not in ("OMP_WAIT_POLICY", "OMP_NUM_THREADS")}
    backend = {"KERAS_BACKEND": FRAMEWORKS[framework][1]} if framework.startswith("keras") else {}
    caches = {"TORCHINDUCTOR_CACHE_DIR": str(cache / "inductor"), "COREKIT_CACHE": str(cache / "corekit")}
    return kept | backend | caches | {"PYTHONPATH": str(HERE.parent), "TERM": "xterm", "TF_CPP_MIN_LOG_LEVEL": "2"}


def measure(framework: str, workload: str, options: argparse.Namespace, cache: Path, steps: int = 0) -> dict[str, Any]:
    """Run one child, and return its line with what was seen from outside."""
    found: dict[str, Any] = {"framework": framework, "workload": workload, "asked_steps": steps}
    try:
        python = interpreter(framework)
    except InstallError as error:
        return found | {"missing": f"cannot be installed ({error})"}
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "line.json")
        command = [str(python), "-m", "benchmarks.child", framework, workload, "--out", str(out)]
        command += ["--seconds", str(options.limit if steps else options.seconds), "--steps", str(steps)]
        outcome = watch(command, environment(framework, cache), 900)
        seen = {"others": outcome.others, "helpers_mb": outcome.helpers_mb, "process_s": outcome.seconds}
        if out.exists():
            line: dict[str, Any] = json.loads(out.read_text())
            return found | seen | line
    last = [line for line in outcome.told.splitlines() if line.strip()][-1:]
    return found | seen | {"missing": f"ended with {outcome.code}: {' '.join(last)[-300:].strip()}"}


def rounds(options: argparse.Namespace, results: dict[str, Any], save: Any) -> None:
    """Run everything that was asked for, round by round, workload by workload."""
    jobs = [(workload, framework, steps, cache)
            for workload in options.workloads for cache in options.cache for steps in options.steps
            for framework in options.frameworks if cache == "warm" or framework in CACHED]  # fmt: skip
    for number in range(options.rounds):
        for workload, framework, steps, cache in jobs:
            with tempfile.TemporaryDirectory() as fresh:
                kept = CACHES / f"{framework}-{workload}"
                if cache == "warm" and framework in COMPILING and not kept.exists():
                    measure(framework, workload, options, kept)  # fills the cache, and is not counted
                run = measure(framework, workload, options, kept if cache == "warm" else Path(fresh), steps)
            run |= {"round": number, "cache": cache, "at": time.strftime("%H:%M:%S")}
            results["runs"].append(run)
            print(told(run, options.rounds), flush=True)
            save()


def told(run: dict[str, Any], total: int) -> str:
    """Return one line about one run."""
    if "missing" in run:
        figure = run["missing"]
    elif run["asked_steps"]:
        figure = f"{run['seconds']:.3f} s to {run['asked_steps']:,} steps, {run['cache']} cache"
    else:
        figure = f"{run['step_us']:,.0f} us a step"
    others = f", others used {run['others']:.2f} cores" if run.get("others") else ""
    return f"round {run['round'] + 1}/{total} {run['workload']:4} {run['framework']:20} {figure}{others}"


def machine() -> dict[str, Any]:
    """Return what the table says about this machine."""
    names = {}
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        names = dict(re.split(r"\s*:\s*", line, maxsplit=1) for line in lines if ":" in line)
    return {"cpu": names.get("model name", platform.processor() or platform.machine()), "cores": os.cpu_count(),
            "system": f"{platform.system()} {platform.release().split('-')[0]}",
            "python": platform.python_version()}  # fmt: skip


def parse(line: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workloads", type=_names(WORKLOADS), default=list(WORKLOADS))
    parser.add_argument("--frameworks", type=_names(FRAMEWORKS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0, help="of steady training in each run")
    parser.add_argument("--measure", choices=["steady", "steps"], default="steady")
    parser.add_argument("--steps", type=lambda text: [int(n) for n in text.split(",")], help="with --measure steps")
    parser.add_argument("--limit", type=float, default=60.0, help="seconds of a training with --measure steps")
    parser.add_argument("--cache", type=_names(("warm", "cold")), default=["warm"], help="warm, cold or both")
    parser.add_argument("--forget", action="store_true", help="throw away the warm caches first")
    parser.add_argument("--out", type=Path, default=HERE / "results", help="folder of the results")
    options = parser.parse_args(line)
    timed = options.measure == "steps"
    options.frameworks = options.frameworks or (TIMED if timed else STEADY)
    options.steps = (options.steps or STEPS) if timed else [0]
    return options


def _names(known: Any) -> Any:
    def names(text: str) -> list[str]:
        asked = text.split(",")
        if unknown := [name for name in asked if name not in known]:
            raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: expected some of {', '.join(known)}")
        return asked

    return names


def main() -> None:
    options = parse()
    if options.forget:
        shutil.rmtree(CACHES, ignore_errors=True)
    here = machine()
    cpu = re.sub(r"[^a-z0-9]+", "-", str(here["cpu"]).lower()).strip("-")
    options.out.mkdir(parents=True, exist_ok=True)
    target = options.out / f"{date.today()}-{cpu}{'-steps' if options.measure == 'steps' else ''}.json"
    results = {"date": str(date.today()), "machine": here, "command": " ".join(sys.argv[1:]), "runs": []}

    def save() -> None:
        target.write_text(json.dumps(results, indent=1) + "\n")
        target.with_suffix(".md").write_text(page(results))

    rounds(options, results, save)
    print("\n" + page(results))
    print(f"written to {target} and {target.with_suffix('.md').name}")


if __name__ == "__main__":
    main()
