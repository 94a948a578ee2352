"""What loss and accuracy of a small batch cost in eager mode, next to the shortest torch lines for the same numbers.

Run it with `python benchmarks/objectives.py [rounds]`, on a machine that does nothing else.
"""

from __future__ import annotations

import random
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

import corekit as ck

BATCH, CLASSES, CALLS_IN_A_CHUNK = 32, 10, 20


def cases() -> dict[str, tuple[Callable[[], Any], Callable[[], Any]]]:
    """Return by name: torch's lines, and corekit's loss and metric for the same."""
    logits = torch.randn(BATCH, CLASSES, requires_grad=True)
    numbers = torch.randint(0, CLASSES, (BATCH,))
    onehot = functional.one_hot(numbers, CLASSES).float()
    answer, labels = torch.randn(BATCH, 1, requires_grad=True), torch.randint(0, 2, (BATCH, 1)).float()
    total = torch.zeros(())
    seen = logits.detach()

    def torch_categorical() -> Tensor:
        total.add_((seen.argmax(-1) == onehot.argmax(-1)).float().sum())
        return functional.cross_entropy(logits, onehot)

    def torch_sparse() -> Tensor:
        total.add_((seen.argmax(-1) == numbers).float().sum())
        return functional.cross_entropy(logits, numbers)

    def torch_binary() -> Tensor:
        total.add_(((answer.detach() > 0) == (labels > 0.5)).float().sum())
        return functional.binary_cross_entropy_with_logits(answer, labels)

    def ours(loss: Any, y: Tensor, given: Tensor, metric: Any) -> Callable[[], Tensor]:
        watched = given.detach()

        def both() -> Tensor:
            metric.update_state(y, watched)
            return loss(y, given, on_logits=True)  # type: ignore[no-any-return]  # losses come as Any

        return both

    losses = ck.losses
    return {
        "categorical": (
            torch_categorical,
            ours(losses.CategoricalCrossentropy(), onehot, logits, ck.metrics.Accuracy()),
        ),
        "sparse": (torch_sparse, ours(losses.SparseCategoricalCrossentropy(), numbers, logits, ck.metrics.Accuracy())),
        "binary": (torch_binary, ours(losses.BinaryCrossentropy(), labels, answer, ck.metrics.Accuracy())),
    }


def main(rounds: int) -> None:
    contenders = {
        f"{name}, {who}": call
        for name, pair in cases().items()
        for who, call in zip(("torch", "corekit"), pair, strict=True)
    }
    spent: dict[str, list[float]] = {name: [] for name in contenders}
    order = list(contenders)
    for number in range(rounds + 1):
        random.shuffle(order)
        for name in order:
            call, start = contenders[name], time.perf_counter()
            for _ in range(CALLS_IN_A_CHUNK):
                call()
            spent[name] += [(time.perf_counter() - start) / CALLS_IN_A_CHUNK * 1e6] if number else []
    print(f"batch {BATCH}, {CLASSES} classes, torch {torch.__version__}; microseconds")
    for name, times in spent.items():
        print(f"{name:<24}min {min(times):>7.1f}   median {statistics.median(times):>7.1f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300)
