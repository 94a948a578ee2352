"""Layers beside the torch modules that do the same: ratios of CPU time and of wall time, forward and backward.

Run it with `python benchmarks/layers.py [rounds]`. Both sides take turns in one process, with two threads. The ratio
is corekit's time over torch's, of the medians; CPU time hardly feels what else the machine does.
"""

import os
import statistics
import sys
import time
from collections.abc import Callable

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch: threads that wait must not spin

import torch
from torch import Tensor, nn

from corekit import layers

Pair = tuple[Callable[[], Tensor], Callable[[], Tensor], list[Tensor], list[Tensor]]


def made(layer: nn.Module, *inputs: Tensor) -> nn.Module:
    """Return the layer, built and in training mode."""
    layer(*inputs)
    return layer.train()


def pair(ours: nn.Module, theirs: nn.Module, inputs: tuple[Tensor, ...], torchs: tuple[Tensor, ...]) -> Pair:
    """Return both calls, and what each differentiates by."""

    def output(module: nn.Module, values: tuple[Tensor, ...]) -> Callable[[], Tensor]:
        def call() -> Tensor:
            y = module(*values)
            return y[0] if isinstance(y, tuple) else y

        return call

    both = ((made(ours, *inputs), inputs), (theirs.train(), torchs))
    leaves = [[*module.parameters(), *{x for x in xs if x.requires_grad}] for module, xs in both]
    return output(ours, inputs), output(theirs, torchs), leaves[0], leaves[1]


def image_pair(ours: nn.Module, theirs: nn.Module, *shape: int, first: bool = False) -> Pair:
    """Images: ours as Keras has them, torch's seen as channels last. The first layer's input has no gradient."""
    x = torch.randn(shape)
    if not first:
        x.requires_grad_()
    seen = x.detach().permute(0, 3, 1, 2).requires_grad_(not first)
    return pair(ours, theirs.to(memory_format=torch.channels_last), (x,), (seen,))


def cases() -> dict[str, Pair]:
    """Return what is compared, at the sizes of the project's workloads."""
    tokens, encoded = torch.randint(0, 20_000, (32, 64)), torch.randn(32, 64, 32, requires_grad=True)
    series, units = torch.randn(32, 64, 32), torch.randn(128, 1600, requires_grad=True)
    return {
        "Conv2D 28x28x1 -> 32": image_pair(layers.Conv2D(32, 3), nn.Conv2d(1, 32, 3), 128, 28, 28, 1, first=True),
        "Conv2D 13x13x32 -> 64": image_pair(layers.Conv2D(64, 3), nn.Conv2d(32, 64, 3), 128, 13, 13, 32),
        "Conv2D + relu": image_pair(
            layers.Conv2D(64, 3, activation="relu"), nn.Sequential(nn.Conv2d(32, 64, 3), nn.ReLU()), 128, 13, 13, 32
        ),
        "MaxPooling2D 26x26x32": image_pair(layers.MaxPooling2D(2), nn.MaxPool2d(2), 128, 26, 26, 32),
        "Embedding 20,000 x 32": pair(layers.Embedding(20_000, 32), nn.Embedding(20_000, 32), (tokens,), (tokens,)),
        "MultiHeadAttention 2 x 16": pair(
            layers.MultiHeadAttention(2, 16), Attention(32, 2, batch_first=True), (encoded, encoded), (encoded,)
        ),
        "LSTM 64": pair(layers.LSTM(64), Last(nn.LSTM(32, 64, batch_first=True)), (series,), (series,)),
        "GRU 64": pair(layers.GRU(64), Last(nn.GRU(32, 64, batch_first=True)), (series,), (series,)),
        "Dropout 128 x 1600": pair(layers.Dropout(0.5), nn.Dropout(0.5), (units,), (units,)),
    }


class Attention(nn.MultiheadAttention):
    """Self-attention by torch's fused kernel, which it takes only where nobody wants the weights."""

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]  # torch's takes query, key and value
        return super().forward(x, x, x, need_weights=False)[0]


class Last(nn.Module):
    """The last step of a recurrent module."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: Tensor) -> Tensor:
        return self.module(x)[0][:, -1]


def spent(call: Callable[[], Tensor], leaves: list[Tensor]) -> tuple[float, float]:
    """Return CPU and wall milliseconds of one forward and backward."""
    gradient = torch.ones_like(call())  # lies as the output does
    wall, cpu = time.perf_counter(), time.process_time()
    torch.autograd.grad(call(), leaves, gradient)
    return 1000 * (time.process_time() - cpu), 1000 * (time.perf_counter() - wall)


def main(rounds: int) -> None:
    torch.set_num_threads(2)
    torch.manual_seed(0)
    print(f"{'':<27}{'corekit ms':>11}{'torch ms':>10}{'wall':>8}{'CPU':>8}")
    for name, (ours, theirs, our_leaves, their_leaves) in cases().items():
        times = []
        for number in range(rounds + 3):
            both = (*spent(ours, our_leaves), *spent(theirs, their_leaves))  # in turn: a busy moment meets both
            times += [both] if number >= 3 else []
        cpu, wall, torchs_cpu, torchs_wall = (statistics.median(column) for column in zip(*times, strict=True))
        ratios = f"{wall / torchs_wall:>8.2f}{cpu / torchs_cpu:>8.2f}"
        print(f"{name:<27}{wall:>11.2f}{torchs_wall:>10.2f}{ratios}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 60)
