"""The best hand-written eager loop: batches gathered from resident tensors, fused Adam, nothing read in an epoch."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from benchmarks.frameworks import AfterEpoch
from benchmarks.frameworks.torch_functions import (
    CheapDropout,
    FusedAdam,
    dropper,
    logits,
    loss_and_hits,
    no_dropout,
    set_up_process,
    weights,
)
from benchmarks.workloads import Array, Workload


class TunedLoop:
    """A training loop as a torch expert writes it by hand.

    Args:
        workload: what to train.
        x: samples.
        y: one-hot labels.
        device: where.
    """

    def __init__(self, workload: Workload, x: Array, y: Array, device: str = "cpu") -> None:
        set_up_process()
        self.workload, self.device = workload, device
        self.x, self.y = torch.from_numpy(x).to(device), torch.from_numpy(y).to(device)
        self.weights = weights(workload, device)
        self.params = list(self.weights.values())
        self.adam = FusedAdam(self.params, workload)
        self.dropout = CheapDropout(workload, device)
        self.sums = torch.zeros(2, device=device)  # of the loss over batches, of the hits
        self.read: list[float] = []

    def step(self, index: Tensor) -> None:
        """Train on the samples of these numbers."""
        x, y = self.x.index_select(0, index), self.y.index_select(0, index)
        scores = logits(self.workload.model, self.weights, x, dropper(self.dropout.draw()))
        loss, hits = loss_and_hits(scores, y)
        grads = torch.autograd.grad(loss, self.params)
        self.sums += torch.stack([loss.detach(), hits])
        self.adam.apply(grads)

    def fit(self, epochs: int, after_epoch: AfterEpoch) -> None:
        for _ in range(epochs):
            self.sums.zero_()
            for index in torch.randperm(len(self.x), device=self.device).split(self.workload.batch):
                self.step(index)
            self.read = self.sums.tolist()
            if after_epoch():
                return

    @torch.inference_mode()
    def predict(self, x: Array) -> Array:
        """Go through x in batches of 1,024."""
        scores = [
            logits(self.workload.model, self.weights, part.to(self.device), no_dropout).softmax(dim=-1).cpu().numpy()
            for part in torch.from_numpy(x).split(1024)
        ]
        return scores[0] if len(scores) == 1 else np.concatenate(scores)

    def engine(self) -> str | None:
        return None


def prepare(workload: Workload, x: Array, y: Array, variant: str) -> TunedLoop:
    return TunedLoop(workload, x, y)
