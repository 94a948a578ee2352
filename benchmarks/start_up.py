"""What `import corekit` and the first `corekit.Layer` cost, in child processes: the medians of interleaved runs.

Run it with `python benchmarks/start_up.py [rounds]`, on a machine that does nothing else.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time

CASES = {
    "bare interpreter": "pass",
    "import corekit": "import corekit",
    "import torch": "import torch",
    "corekit.Layer": "import corekit; corekit.Layer",
    "corekit list": "import sys; sys.argv = ['corekit', 'list']; import corekit.cli; corekit.cli.main()",
}
OVER = {  # case -> what it is measured against, and at most how many milliseconds above it
    "import corekit": ("bare interpreter", 20),
    "corekit.Layer": ("import torch", 50),
    "corekit list": ("bare interpreter", None),
}


def milliseconds(code: str, environment: dict[str, str]) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL, env=environment)
    return 1000 * (time.perf_counter() - start)


def medians(rounds: int) -> dict[str, float]:
    times: dict[str, list[float]] = {case: [] for case in CASES}
    with tempfile.TemporaryDirectory() as compiled:  # pip compiles what it installs; here the first round does
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": compiled}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        for number in range(rounds + 1):
            for case, code in CASES.items():  # interleaved: a busy moment of the machine meets every case
                spent = milliseconds(code, environment)
                times[case] += [spent] if number else []
    return {case: statistics.median(values) for case, values in times.items()}


def main(rounds: int) -> None:
    found = medians(rounds)
    print(f"{'':<18}{'median ms':>10}{'over':>10}  budget")
    for case, median in found.items():
        base, budget = OVER.get(case, (None, None))
        over = f"{median - found[base]:+.1f}" if base else ""
        note = f"{budget} over {base}" if budget else f"over {base}" if base else ""
        print(f"{case:<18}{median:>10.1f}{over:>10}  {note}".rstrip())


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 15)
