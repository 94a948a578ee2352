"""What it costs to build models of 200 layers, next to torch's own containers.

Run it with `python benchmarks/building.py [rounds]`, on a machine that does nothing else. The cases take turns in one
process; weights are made in every one of them.
"""

from __future__ import annotations

import gc
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

import corekit as ck

LAYERS, UNITS = 200, 64


class Own(ck.Layer):
    """A user's layer: its output shape is found by running it on meta tensors."""

    def build(self, input_shape: Any) -> None:
        self.kernel = self.add_weight(shape=(input_shape[-1], UNITS), name="kernel")

    def call(self, inputs: Tensor) -> Tensor:
        return torch.relu(inputs @ self.kernel)


def torch_row() -> Any:
    return nn.Sequential(*(nn.Linear(UNITS, UNITS) for _ in range(LAYERS)))


def torch_row_by_append() -> Any:
    model = nn.Sequential()
    for _ in range(LAYERS):
        model.append(nn.Linear(UNITS, UNITS))
    return model


def row_from_list() -> Any:
    return ck.Sequential([ck.Input((UNITS,)), *(ck.layers.Dense(UNITS) for _ in range(LAYERS))])


def row_by_add() -> Any:
    model = ck.Sequential([ck.Input((UNITS,))])
    for _ in range(LAYERS):
        model.add(ck.layers.Dense(UNITS))
    assert model.built
    return model


def drawn(kind: Callable[[], Any]) -> Any:
    x = inputs = ck.Input((UNITS,))
    for _ in range(LAYERS):
        x = kind()(x)
    return ck.Model(inputs, x)


CASES: dict[str, tuple[Callable[[], Any], str]] = {
    "nn.Sequential of nn.Linear": (torch_row, ""),
    "nn.Sequential by append()": (torch_row_by_append, ""),
    "Sequential from a list": (row_from_list, "1.5 x"),
    "Sequential by add()": (row_by_add, "1.5 x"),
    "functional, Dense": (lambda: drawn(lambda: ck.layers.Dense(UNITS)), "50 ms"),
    "functional, own layers": (lambda: drawn(Own), "1000 ms"),
}


def main(rounds: int) -> None:
    spent: dict[str, list[float]] = {case: [] for case in CASES}
    for number in range(rounds + 1):
        for case, (build, _) in CASES.items():
            gc.collect()  # what an earlier case left behind is not this one's cost
            start = time.perf_counter()
            model = build()
            spent[case] += [1000 * (time.perf_counter() - start)] if number else []  # the first round imports
            del model
    base = next(iter(spent.values()))
    print(f"{LAYERS} layers of {UNITS} units, torch {torch.__version__}, {rounds} rounds")
    print(f"{'':<28}{'min ms':>8}{'median ms':>11}{'min x':>8}{'median x':>10}  limit")
    for case, times in spent.items():
        low, mid = min(times), statistics.median(times)
        ratios = f"{low / min(base):>8.2f}{mid / statistics.median(base):>10.2f}"
        print(f"{case:<28}{low:>8.1f}{mid:>11.1f}{ratios}  {CASES[case][1]}".rstrip())


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 15)
