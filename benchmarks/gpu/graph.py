"""The tuned loop captured by hand as a CUDA graph: a step is one launch."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from benchmarks.frameworks import NotApplicableError
from benchmarks.frameworks.torch_tuned import TunedLoop
from benchmarks.workloads import Array, Workload


class GraphLoop(TunedLoop):
    """The tuned loop with gather, forward, backward, sums and Adam in one graph; arguments as there."""

    def __init__(self, workload: Workload, x: Array, y: Array, device: str = "cuda") -> None:
        if device != "cuda":
            raise NotApplicableError("CUDA graphs need CUDA")
        super().__init__(workload, x, y, device)
        self.index = torch.zeros(workload.batch, dtype=torch.int64, device=device)
        self.graph: torch.cuda.CUDAGraph | None = None

    def step(self, index: Tensor) -> None:
        self.index.copy_(index)
        if self.graph is None:
            self.graph = capture(lambda: TunedLoop.step(self, self.index))
        self.graph.replay()


def capture(step: Callable[[], None]) -> torch.cuda.CUDAGraph:
    """Return a CUDA graph of a step that waits for nothing; it is made three times first, for its allocations."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph
