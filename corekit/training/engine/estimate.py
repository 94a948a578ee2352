"""What a compiler could save at most, guessed from one eager step: calls that it would join, memory it would not touch.

Inductor leaves matrix products, convolutions, recurrent layers and attention as they are; it saves the cost of calling
the small operations between them and their trips to memory. A guess only: it decides whether trying is worth while.
"""

from __future__ import annotations

import time
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from corekit.protocols.tree import leaves

# Measured on a CPU: an operation of a training step, with its part of the backward pass and of the Python around it,
# takes 4 to 7 times as long as adding two numbers alone; joined operations keep about half of their memory traffic.
ADDITIONS, TRAFFIC = 5.0, 0.5
HEAVY = ("mm", "bmm", "conv", "lstm", "gru", "rnn", "attention", "mkldnn", "embedding", "fused", "max_pool")


class Joinable(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch has no types here
    """Counts, of the code run inside, the operations that a compiler would join."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # as above
        self.calls, self.bytes = 0, 0

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Say no, or torch wraps the method below in one that imports the compiler."""
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run an operation and note it."""
        result = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__
        if not any(heavy in name for heavy in HEAVY):
            self.calls += 1
            if not func.is_view:
                tensors = (t for t in leaves((args, result)) if isinstance(t, Tensor))
                self.bytes += sum(t.numel() * t.element_size() for t in tensors)
        return result

    @property
    def gain(self) -> float:
        """Seconds that joining them could save."""
        addition, byte = _speed_here()
        return self.calls * addition * ADDITIONS + self.bytes * byte * TRAFFIC


def _speed_here() -> tuple[float, float]:
    """Return the seconds that adding two numbers takes now, and that a byte of memory takes."""
    small, large = torch.zeros(()), torch.zeros(2**20)
    times: dict[int, list[float]] = {1: [], 2**20: []}
    for _ in range(5):
        for tensor, repeats in ((small, 50), (large, 1)):
            start = time.perf_counter()
            for _ in range(repeats):
                torch.add(tensor, tensor)
            times[tensor.numel()].append((time.perf_counter() - start) / repeats)
    return min(times[1]), min(times[2**20]) / (2**20 * 3 * large.element_size())
