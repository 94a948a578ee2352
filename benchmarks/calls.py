"""What `model(x)` costs over the forward of a torch module written by hand with the same layers, on the CPU.

Run it with `python benchmarks/calls.py [rounds]`, on a machine that does nothing else. All models of a workload take
turns in short chunks in one process, so that a busy moment meets every one; the minimum is what the code costs, the
median what a user sees.
"""

from __future__ import annotations

import itertools
import random
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

import corekit as ck

CALLS_IN_A_CHUNK = 20
LIMIT = 1.05  # of the module by hand


class ByHand(nn.Module):
    """Linear children and torch functions, as a tutorial writes them."""

    def __init__(self, sizes: list[int]) -> None:
        super().__init__()
        self.hidden = nn.ModuleList(nn.Linear(*pair) for pair in itertools.pairwise(sizes[:-1]))
        self.out = nn.Linear(sizes[-2], sizes[-1])

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.hidden:
            x = torch.relu(layer(x))
        return torch.softmax(self.out(x), dim=-1)


class TwoByHand(nn.Module):
    """W1 with its two layers as attributes."""

    def __init__(self, sizes: list[int]) -> None:
        super().__init__()
        self.hidden, self.out = nn.Linear(sizes[0], sizes[1]), nn.Linear(sizes[1], sizes[2])

    def forward(self, x: Tensor) -> Tensor:
        return torch.softmax(self.out(torch.relu(self.hidden(x))), dim=-1)


class TwoSubclassed(ck.Model):
    """The same as a subclass of corekit's Model."""

    def __init__(self, sizes: list[int]) -> None:
        super().__init__()
        self.hidden = ck.layers.Dense(sizes[1], activation="relu")
        self.out = ck.layers.Dense(sizes[2], activation="softmax")

    def call(self, inputs: Tensor) -> Tensor:
        return self.out(self.hidden(inputs))


class Subclassed(ck.Model):
    """Any number of layers, held in a list."""

    def __init__(self, sizes: list[int]) -> None:
        super().__init__()
        self.hidden = nn.ModuleList(ck.layers.Dense(size, activation="relu") for size in sizes[1:-1])
        self.out = ck.layers.Dense(sizes[-1], activation="softmax")

    def call(self, inputs: Tensor) -> Tensor:
        x = inputs
        for layer in self.hidden:
            x = layer(x)
        return self.out(x)


def in_a_row(sizes: list[int]) -> Any:
    hidden = [ck.layers.Dense(size, activation="relu") for size in sizes[1:-1]]
    return ck.Sequential([ck.Input((sizes[0],)), *hidden, ck.layers.Dense(sizes[-1], activation="softmax")])


def drawn(sizes: list[int]) -> Any:
    x = inputs = ck.Input((sizes[0],))
    for size in sizes[1:-1]:
        x = ck.layers.Dense(size, activation="relu")(x)
    return ck.Model(inputs, ck.layers.Dense(sizes[-1], activation="softmax")(x))


def torch_row(sizes: list[int]) -> nn.Module:
    pairs = list(itertools.pairwise(sizes))
    hidden = [part for pair in pairs[:-1] for part in (nn.Linear(*pair), nn.ReLU())]
    return nn.Sequential(*hidden, nn.Linear(*pairs[-1]), nn.Softmax(-1))


def contenders(sizes: list[int]) -> dict[str, Callable[[Tensor], Tensor]]:
    by_hand, subclassed = (TwoByHand, TwoSubclassed) if len(sizes) == 3 else (ByHand, Subclassed)
    return {
        "by hand": by_hand(sizes),
        "nn.Sequential": torch_row(sizes),
        "Sequential": in_a_row(sizes),
        "functional": drawn(sizes),
        "subclassed": subclassed(sizes),
    }


def measure(models: dict[str, Callable[[Tensor], Tensor]], x: Tensor, rounds: int) -> dict[str, list[float]]:
    """Return microseconds a call, chunk by chunk."""
    for model in models.values():
        for _ in range(30):
            model(x)
    order, spent = list(models), {name: [] for name in models}
    for _ in range(rounds):
        random.shuffle(order)
        for name in order:
            model, start = models[name], time.perf_counter()
            for _ in range(CALLS_IN_A_CHUNK):
                model(x)
            spent[name].append((time.perf_counter() - start) / CALLS_IN_A_CHUNK * 1e6)
    return spent


def main(rounds: int) -> None:
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads; limit {LIMIT} of the module by hand")
    print(f"{'workload':<33}{'model':<15}{'min us':>9}{'median us':>11}{'min x':>8}{'median x':>10}")
    for label, sizes in (("W1 784-128-10", [784, 128, 10]), ("20 layers of 64", [64] * 20 + [10])):
        models = contenders(sizes)
        for batch in (1, 32):
            for mode, context in (("grad", torch.enable_grad), ("inference", torch.inference_mode)):
                with context():
                    spent = measure(models, torch.rand(batch, sizes[0]), rounds)
                base = spent["by hand"]
                for name, times in spent.items():
                    low, mid = min(times), statistics.median(times)
                    ratios = f"{low / min(base):>8.3f}{mid / statistics.median(base):>10.3f}"
                    print(f"{f'{label}, b{batch}, {mode}':<33}{name:<15}{low:>9.1f}{mid:>11.1f}{ratios}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 400)
