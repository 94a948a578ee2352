"""`torch.compile` over a whole step, Adam included, as its documentation offers it: what the private way is worth."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from benchmarks.frameworks import AfterEpoch, NotApplicableError
from benchmarks.frameworks.torch_compiled import CompiledLoop
from benchmarks.workloads import Array, Workload


class PublicLoop(CompiledLoop):
    """The tuned loop's step under `torch.compile`; arguments as there."""

    def __init__(self, workload: Workload, x: Array, y: Array, device: str = "cpu") -> None:
        super().__init__(workload, x, y, device)
        self.whole: Any = torch.compile(self.whole_step, fullgraph=True, dynamic=False)

    def whole_step(self, index: Tensor, drawn: Tensor, params: list[Tensor], first: list[Tensor],
                   second: list[Tensor], step: Tensor, sums: Tensor) -> None:  # fmt: skip
        """Change weights, moments, counter and sums in place."""
        new_sums, *grads = self.step_of_graph(self.x, self.y, sums, index, drawn, *params)
        sums.copy_(new_sums)
        step += 1
        rate = 1e-3 / (1 - 0.9**step)
        correction = (1 - 0.999**step).sqrt()
        for weight, grad, mean, square in zip(params, grads, first, second, strict=True):
            mean.lerp_(grad, 0.1)
            square.mul_(0.999).addcmul_(grad, grad, value=0.001)
            weight.mul_(1 - 1e-3 * self.adam.decay).sub_(rate * mean / (square.sqrt() / correction + 1e-7))

    def step(self, index: Tensor) -> None:
        adam = self.adam
        self.whole(index, self.dropout.draw(), self.params, adam.first, adam.second, adam.step, self.sums)

    def fit(self, epochs: int, after_epoch: AfterEpoch) -> None:
        super().fit(epochs, after_epoch)


def prepare(workload: Workload, x: Array, y: Array, variant: str) -> PublicLoop:
    if workload.model == "lstm":
        raise NotApplicableError("compiling unrolls the LSTM: 47 s to compile, then three times slower than eager")
    return PublicLoop(workload, x, y)
