"""What it costs to save and to load a model of 1 GiB, next to torch.save, safetensors and Keras.

    python -m benchmarks.files [MiB] [rounds]

The cases come in another order in each round. A save counts until the bytes are on the disk (fsync), as corekit's does.
A load counts until every byte was read: safetensors maps the file, so each of its tensors is summed once, as floats,
since torch would copy integers first. Peak memory is of a process of its own.
"""

from __future__ import annotations

import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import safetensors.torch
import torch

import corekit as ck

UNITS = 2048  # 16 MiB a layer


def model_of(mebibytes: int) -> Any:
    """Return a row of large layers."""
    layers = [ck.layers.Dense(UNITS, use_bias=False) for _ in range(max(1, mebibytes // 16))]
    return ck.Sequential([ck.Input((UNITS,)), *layers])


def keras_model_of(mebibytes: int) -> Any:
    """Return the same row of Keras's layers."""
    layers = [keras.layers.Dense(UNITS, use_bias=False) for _ in range(max(1, mebibytes // 16))]
    return keras.Sequential([keras.Input((UNITS,)), *layers])


def synced(path: Path) -> None:
    """Wait until a file is on the disk."""
    with open(path, "rb") as file:
        os.fsync(file.fileno())


def read_all(tensors: dict[str, torch.Tensor]) -> None:
    """Look at every byte, at the speed of memory."""
    for tensor in tensors.values():
        tensor.sum()


def cases(mebibytes: int, folder: Path) -> dict[str, dict[str, Callable[[], Any]]]:
    """Return the ways to save and to load."""
    model, other = model_of(mebibytes), keras_model_of(mebibytes)
    state = dict(model.state_dict())

    def torch_save() -> None:
        torch.save(state, folder / "torch.pt")
        synced(folder / "torch.pt")

    def safetensors_save() -> None:
        safetensors.torch.save_file(state, folder / "plain.safetensors")
        synced(folder / "plain.safetensors")

    def keras_save() -> None:
        other.save(folder / "model.keras")
        synced(folder / "model.keras")

    return {
        "save": {
            "safetensors": safetensors_save,
            "torch": torch_save,
            "keras": keras_save,
            "corekit": lambda: model.save(folder / "model.safetensors"),
        },
        "load": {
            "safetensors": lambda: read_all(safetensors.torch.load_file(folder / "plain.safetensors")),
            "torch": lambda: read_all(torch.load(folder / "torch.pt", weights_only=True)),
            "keras": lambda: keras.saving.load_model(folder / "model.keras"),  # which reads every byte
            "corekit": lambda: ck.load_model(folder / "model.safetensors"),
            "corekit, mmap": lambda: ck.load_model(folder / "model.safetensors", mmap=True),
        },
    }


PEAK = """
import sys, torch
import corekit as ck
if sys.argv[1] == "keras":
    import keras

def highest():  # getrusage would begin with what the parent had
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))

what, path, small = sys.argv[1:]
load = (ck.load_model if what == "corekit" else keras.saving.load_model if what == "keras"
        else lambda path: torch.load(path, weights_only=True))
load(small)  # imports
before = highest()
kept = load(path)
print(highest() - before)
"""


def peak(what: str, path: Path, small: Path) -> float:
    """Return how many MiB a load adds to the peak of a process that has loaded a small file before."""
    command = [sys.executable, "-c", PEAK, what, str(path), str(small)]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout) / 1024


def main(mebibytes: int, rounds: int) -> None:
    """Print the table."""
    size = max(1, mebibytes // 16) * 16
    versions = f"torch {torch.__version__}, Keras {keras.__version__}"
    print(f"a model of {size:,.0f} MiB, {rounds} rounds, {versions}; seconds, median (least-most)")
    with tempfile.TemporaryDirectory(dir=os.environ.get("FOLDER")) as name:
        for what, ways in cases(mebibytes, Path(name)).items():
            spent: dict[str, list[float]] = {way: [] for way in ways}
            shuffled = random.Random(0)
            for _ in range(rounds):  # in any order: some neighbours leave the disk slower than others
                for way, act in shuffled.sample([*ways.items()], len(ways)):
                    start = time.perf_counter()
                    act()
                    spent[way].append(time.perf_counter() - start)
            base = spent["safetensors"]
            for way, times in spent.items():
                ratio = statistics.median(one / other for one, other in zip(times, base, strict=True))
                told = f"{statistics.median(times):.2f} ({min(times):.2f}-{max(times):.2f})"
                print(f"{what}  {way:<13} {told:>20}  {ratio:.2f} of safetensors")
        small = Path(name) / "small"
        small.mkdir()
        for act in cases(16, small)["save"].values():
            act()
        for way, file in (("torch", "torch.pt"), ("keras", "model.keras"), ("corekit", "model.safetensors")):
            added = peak(way, Path(name) / file, small / file)
            print(f"peak of a load  {way:<13} {added:,.0f} MiB, {added / size:.2f} of the model")


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:]]
    main(*(given + [1024, 5][len(given) :]))
