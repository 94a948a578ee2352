"""What a compiler could save at most, guessed from one eager step: calls that it would join, memory it would not touch.

Inductor leaves matrix products, convolutions, recurrent layers and attention as they are; it saves the cost of calling
the small operations between them and their trips to memory. A recurrence it runs once more, for its gradient. A guess
only: it decides whether trying is worth while.
"""

from __future__ import annotations

import time
from typing import Any

import torch
from torch import Tensor

from corekit.protocols.tracing import DispatchMode
from corekit.protocols.tree import leaves

# Measured on a CPU: an operation of a training step, with its part of the backward pass and of the Python around it,
# takes 4 to 7 times as long as adding two numbers alone; joined operations keep about half of their memory traffic.
ADDITIONS, TRAFFIC = 5.0, 0.5
RECURRENT = ("lstm", "gru", "rnn")
GATHERING = ("index", "index_select", "gather")  # they read no more of a tensor than they give
HEAVY = (*RECURRENT, "mm", "bmm", "conv", "attention", "mkldnn", "embedding", "fused", "max_pool")


class Joinable(DispatchMode):
    """Counts, of the code run inside, the operations that a compiler would join, and times those that it runs twice."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch has no types here
        self.calls, self.bytes, self.twice = 0, 0, 0.0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run an operation and note it."""
        start = time.perf_counter()
        result = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__
        if any(one in name for one in RECURRENT) and "backward" not in name:
            self.twice += time.perf_counter() - start
        elif not any(heavy in name for heavy in HEAVY):
            self.calls += 1
            if not func.is_view:
                touched = (result, result) if name in GATHERING else (args, result)
                self.bytes += sum(t.numel() * t.element_size() for t in leaves(touched) if isinstance(t, Tensor))
        return result

    @property
    def gain(self) -> float:
        """Seconds that joining them could save."""
        addition, byte = _speed_here()
        return max(0.0, self.calls * addition * ADDITIONS + self.bytes * byte * TRAFFIC - self.twice)


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
