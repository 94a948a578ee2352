"""A helper process that compiles a captured step, so that training need not wait: it fills torch's cache on disk.

It is given the graph as data, and imports torch and the plugins whose ops the graph calls; the user's program is never
run again. It also times both ways on made-up inputs, since code that is no faster need not be loaded at all.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import pickle
import subprocess
import sys
import tempfile
import time
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from corekit.registry import registry

NICENESS = 10  # what else runs here comes first
COMPILED = "compiled"  # the file that says so
PATIENCE = 30.0  # seconds for timing; two calls of a slow step may take some


@dataclass
class Like:
    """What to know of a tensor to make another one like it."""

    shape: tuple[int, ...]
    stride: tuple[int, ...]
    dtype: torch.dtype
    device: str
    requires_grad: bool

    @classmethod
    def of(cls, tensor: Tensor) -> Like:
        """Describe a tensor."""
        return cls(tuple(tensor.shape), tensor.stride(), tensor.dtype, str(tensor.device), tensor.requires_grad)

    def make(self) -> Tensor:
        """Return a tensor of small random numbers; of zeros where numbers may be class numbers."""
        tensor = torch.empty_strided(self.shape, self.stride, dtype=self.dtype, device=self.device)
        with torch.no_grad():
            tensor.uniform_(0, 0.01) if tensor.is_floating_point() else tensor.zero_()
        return torch.nn.Parameter(tensor) if self.requires_grad else tensor


class CompilerProcess:
    """Compiles graphs in a process of its own.

    Args:
        graphs: each as data (`inductor.as_bytes`), with its inputs.
    """

    def __init__(self, graphs: Sequence[tuple[bytes, list[Tensor]]]) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="corekit-")
        order = {
            "graphs": [(data, [Like.of(tensor) for tensor in inputs]) for data, inputs in graphs],
            "modules": _plugin_modules(),
            "threads": torch.get_num_threads(),
            "precision": torch.get_float32_matmul_precision(),
        }
        (self._path / "order").write_bytes(pickle.dumps(order))
        with (self._path / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__, str(self._path)],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        self.stop = weakref.finalize(self, _end, self._process, self._folder)  # at the latest when Python exits

    @property
    def _path(self) -> Path:
        return Path(self._folder.name)

    def is_done(self) -> bool:
        """Return whether it has compiled all, or ended."""
        return (self._path / COMPILED).exists() or self._process.poll() is not None

    def result(self) -> dict[str, Any]:
        """Return {"eager": seconds, "compiled": seconds, "took": seconds}, or {"error": a line}.

        It waits a second or two while the process times both ways: beside a training it would time the training, too.
        """
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(PATIENCE)
        try:
            found: dict[str, Any] = json.loads((self._path / "result").read_text())
        except (OSError, ValueError):
            lines = (self._path / "log").read_text(errors="replace").strip().splitlines()
            found = {"error": lines[-1] if lines else f"exit status {self._process.returncode}"}
        return found


def _end(process: subprocess.Popen[bytes], folder: tempfile.TemporaryDirectory[str]) -> None:
    """End the process, whatever it is doing, and forget its files."""
    if process.poll() is None:
        process.kill()
    process.wait()
    folder.cleanup()


def _plugin_modules() -> list[str]:
    """Return the modules of plugins that are loaded here: an op is registered when its module is imported."""
    roots = {
        target.partition(":")[0].partition(".")[0]
        for component in registry.components()
        for target in component.targets.values()
    }
    return [name for name in sys.modules if name.partition(".")[0] in roots - {"__main__"}]


def _main(folder: Path) -> None:
    from corekit.training.engine.inductor import CompilerError

    if hasattr(os, "nice"):
        os.nice(NICENESS)
    order = pickle.loads((folder / "order").read_bytes())  # from the parent, in a folder that only it can write to
    try:
        found: dict[str, Any] = _obey(order, (folder / COMPILED).touch)
    except CompilerError as error:
        found = {"error": str(error)}
    (folder / "part").write_text(json.dumps(found))
    (folder / "part").replace(folder / "result")


def _obey(order: dict[str, Any], compiled_all: Callable[[], None]) -> dict[str, float]:
    """Compile each graph and say so; return the seconds that a call of all takes both ways, and that compiling took."""
    import importlib

    from corekit.training.engine import inductor

    began = time.perf_counter()
    torch.set_num_threads(order["threads"])  # part of the code that the compiler writes, and so of the cache's key
    if torch.get_float32_matmul_precision() != order["precision"]:  # setting it is part of the key, even to itself
        torch.set_float32_matmul_precision(order["precision"])
    for module in order["modules"]:
        importlib.import_module(module)
    steps: list[dict[str, Callable[[], Any]]] = []
    for data, likes in order["graphs"]:
        inputs = [like.make() for like in likes]
        compiled, eager = inductor.compile_graph(data, inputs), inductor.runnable(data)
        steps.append({
            "eager": functools.partial(eager, *inputs),
            "compiled": lambda run=compiled, given=inputs: run(list(given)),  # type: ignore[misc]  # bound now
        })  # fmt: skip
    found = {"eager": 0.0, "compiled": 0.0, "took": time.perf_counter() - began}
    compiled_all()
    for ways in steps:
        for name, seconds in _times(ways).items():
            found[name] += seconds
    return found


def _times(ways: dict[str, Callable[[], Any]], rounds: int = 7, budget: float = 1.0) -> dict[str, float]:
    """Return the least seconds a call of each way, taken in turn."""
    best = dict.fromkeys(ways, float("inf"))
    end = time.perf_counter() + budget
    for number in range(rounds):
        for name, call in ways.items():
            start = time.perf_counter()
            call()
            spent = time.perf_counter() - start
            best[name] = min(best[name], spent) if number else best[name]  # the first call warms up
        if time.perf_counter() > end and number:
            break
    return best


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
