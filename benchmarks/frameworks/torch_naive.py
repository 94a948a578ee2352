"""The loop of torch's beginner tutorials: DataLoader, Adam, and two `.item()` a step."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.frameworks import AfterEpoch
from benchmarks.frameworks.torch_modules import arrays, module, optimizer
from benchmarks.workloads import Array, Workload


class NaiveLoop:
    """A training loop as most people write it.

    Args:
        workload: what to train.
        x: samples.
        y: one-hot labels.
        device: where.
    """

    def __init__(self, workload: Workload, x: Array, y: Array, device: str = "cpu") -> None:
        self.workload, self.device = workload, device
        data = TensorDataset(torch.from_numpy(arrays(workload, x)), torch.from_numpy(y))
        self.loader = DataLoader(data, batch_size=workload.batch, shuffle=True)
        self.model = module(workload).to(device)
        self.optimizer = optimizer(workload, self.model)
        self.read: list[float] = []

    def fit(self, epochs: int, after_epoch: AfterEpoch) -> None:
        for _ in range(epochs):
            self.model.train()
            total, hits = 0.0, 0
            for x, y in self.loader:
                x, y = x.to(self.device), y.to(self.device)
                self.optimizer.zero_grad()
                scores = self.model(x)
                loss = cross_entropy(scores, y)
                loss.backward()
                self.optimizer.step()
                total += loss.item()
                hits += int((scores.argmax(dim=1) == y.argmax(dim=1)).sum().item())
            self.read = [total, hits]
            if after_epoch():
                return

    @torch.no_grad()
    def predict(self, x: Array) -> Array:
        self.model.eval()
        parts = torch.from_numpy(arrays(self.workload, x)).split(self.workload.batch)
        return np.concatenate([self.model(part.to(self.device)).softmax(dim=-1).cpu().numpy() for part in parts])

    def engine(self) -> str | None:
        return None


def prepare(workload: Workload, x: Array, y: Array, variant: str) -> NaiveLoop:
    return NaiveLoop(workload, x, y)
