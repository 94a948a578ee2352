"""`torch.compile` over a whole step, Adam included, as its documentation offers it: what the private way is worth."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from benchmarks.frameworks import NotApplicableError
from benchmarks.frameworks.torch_compiled import CompiledLoop
from benchmarks.workloads import Array, Workload


class PublicLoop(CompiledLoop):
    """The tuned loop's step under `torch.compile`; arguments as there."""

    def __init__(self, workload: Workload, x: Array, y: Array, device: str = "cpu") -> None:
        super().__init__(workload, x, y, device)
        self.whole: Any = torch.compile(self.whole_step, fullgraph=True, dynamic=False)

    def step(self, index: Tensor) -> None:
        self.whole(*self.arguments(index, is_whole=True))


def prepare(workload: Workload, x: Array, y: Array, variant: str) -> PublicLoop:
    if workload.model == "lstm":
        raise NotApplicableError("compiling unrolls the LSTM: 47 s to compile, then three times slower than eager")
    return PublicLoop(workload, x, y)
