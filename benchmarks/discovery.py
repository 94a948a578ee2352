"""What it costs to find plugins, next to importlib-metadata, stevedore and catalogue, in environments of many sizes.

    python -m benchmarks.discovery [distributions ...]        default 100 1000 10000

Makes a folder of so many distributions, 40 of them plugins of 10 layers each, the others with metadata, and a console
script as half of the others have. Every figure is the median of ROUNDS rounds in which the ways take turns, each
look-up timed in a process of its own, from START on: so without an index corekit also pays for importing
importlib-metadata, which the others have done before. Of stevedore its cache alone is timed, since its managers import
plugins. Needs `pip install stevedore catalogue` beside corekit; what is missing is left out.

Then, among 1,000 distributions, what each further plugin adds that nobody uses; and `corekit list --json` in this
environment, next to importing what it is made of.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PLUGINS, LAYERS, ROUNDS = 40, 10, 7
FURTHER = 500
SCRIPT = str(Path(sys.executable).with_name("corekit"))

WAYS = {
    "importlib-metadata": "import importlib_metadata as m; START; m.entry_points(group='corekit.layers')",
    "stevedore": ("from stevedore._cache import get_group_all; START; get_group_all('corekit.layers')"),
    "catalogue": (
        "import importlib.metadata; START; import catalogue; "  # which looks when it is imported
        "catalogue.create('corekit', 'layers', entry_points=True).get_entry_points()"
    ),
    "corekit, no index": "from corekit.registry import registry; START; registry.find('layers', 'Layer7Of3')",
    "corekit, index": "from corekit.registry import registry; START; registry.find('layers', 'Layer7Of3')",
}


def install(folder: Path, count: int, plugins: int = PLUGINS) -> None:
    """Write the metadata of so many distributions."""
    for number in range(count):
        is_plugin = number < plugins
        name = f"norms-{number}" if is_plugin else f"package-{number}"
        info = folder / f"{name.replace('-', '_')}-1.0.dist-info"
        info.mkdir()
        needs = "".join(f"Requires-Dist: needed-{n}>=1.0\n" for n in range(8))
        info.joinpath("METADATA").write_text(f"Metadata-Version: 2.4\nName: {name}\nVersion: 1.0\n{needs}\nText.\n")
        info.joinpath("RECORD").write_text(f"{name}.py,,\n" * 20)
        if is_plugin:
            rows = "".join(f"Layer{n}Of{number} = norms_{number}:Layer{n}\n" for n in range(LAYERS))
            info.joinpath("entry_points.txt").write_text(f"[corekit.layers]\n{rows}")
            folder.joinpath(f"norms_{number}.py").write_text("class Layer0: pass\n")
        elif number % 2:
            info.joinpath("entry_points.txt").write_text(f"[console_scripts]\n{name} = {name}:main\n")


def measure(code: str, folder: Path, cache: str) -> float | None:
    """Return the milliseconds that a way takes in a process of its own; None where it is not installed."""
    timed = code.replace("START", "import time; t = time.perf_counter()") + "; print((time.perf_counter() - t) * 1e3)"
    environment = {**os.environ, "PYTHONPATH": str(folder), "COREKIT_CACHE": cache}
    done = subprocess.run([sys.executable, "-c", timed], env=environment, cwd=folder, capture_output=True, text=True)
    if "ModuleNotFoundError" in done.stderr:
        return None
    if done.returncode:
        raise SystemExit(done.stderr)
    return float(done.stdout)


def main() -> None:
    sizes = list(map(int, sys.argv[1:])) or [100, 1000, 10_000]
    print("milliseconds" + "".join(f"{size:>12,}" for size in sizes))
    rows: dict[str, list[str]] = {way: [] for way in WAYS}
    for size in sizes:
        with tempfile.TemporaryDirectory() as root:
            folder = Path(root, "site")
            folder.mkdir()
            install(folder, size)
            kept = str(Path(root, "cache"))
            time.sleep(3)  # the index does not believe what is younger than 2 seconds
            found: dict[str, list[float]] = {way: [] for way in WAYS}
            for number in range(ROUNDS + 1):
                for way, code in WAYS.items():
                    cache = str(Path(root, f"none-{number}")) if way == "corekit, no index" else kept
                    took = measure(code, folder, cache)
                    if took is not None and number:  # the first one fills caches
                        found[way].append(took)
        for way, times in found.items():
            rows[way].append(f"{statistics.median(times):12.2f}" if times else "           -")
    for way, cells in rows.items():
        print(f"{way:24}" + "".join(cells))
    few, many = warm(PLUGINS), warm(PLUGINS + FURTHER)
    print(f"each of {FURTHER} further plugins among 1,000 distributions, with index: {(many - few) / FURTHER:.4f}")
    bare, listing = seconds([[sys.executable, "-c", "import click, json"], [SCRIPT, "list", "--json"]])
    print(f"corekit list --json {listing * 1e3:.1f}, import click, json {bare * 1e3:.1f}: {listing / bare:.2f} x")


def warm(plugins: int) -> float:
    """Return the milliseconds of a look-up by the index among 1,000 distributions, so many of them plugins."""
    with tempfile.TemporaryDirectory() as root:
        folder, cache = Path(root, "site"), str(Path(root, "cache"))
        folder.mkdir()
        install(folder, 1000, plugins)
        time.sleep(3)
        found = [measure(WAYS["corekit, index"], folder, cache) for _ in range(2 * ROUNDS)]
        return statistics.median(took for took in found[2:] if took is not None)


def seconds(commands: list[list[str]]) -> list[float]:
    """Return the median seconds of whole processes that take turns."""
    took: list[list[float]] = [[] for _ in commands]
    for _ in range(4 * ROUNDS):
        for times, command in zip(took, commands, strict=True):
            start = time.perf_counter()
            subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
            times.append(time.perf_counter() - start)
    return list(map(statistics.median, took))


if __name__ == "__main__":
    main()
