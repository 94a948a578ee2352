"""The models as `torch.nn.Module`s, written as torch's tutorials write them. They give logits."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.workloads import Array, Workload


class OwnLayer(nn.Module):
    def __init__(self, inputs: int, units: int) -> None:
        super().__init__()
        self.kernel = nn.Parameter(nn.init.xavier_uniform_(torch.empty(inputs, units)))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x @ self.kernel)


class Encoder(nn.Module):
    """One transformer block over embedded tokens. nn.MultiheadAttention has no heads of 32 for 32 features."""

    def __init__(self, tokens: int, length: int, width: int = 32, heads: int = 2) -> None:
        super().__init__()
        self.heads = heads
        self.token, self.place = nn.Embedding(tokens, width), nn.Embedding(length, width)
        self.qkv, self.out = nn.Linear(width, 3 * heads * width), nn.Linear(heads * width, width)
        self.feed_forward = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))
        self.norm1, self.norm2 = nn.LayerNorm(width, eps=1e-6), nn.LayerNorm(width, eps=1e-6)
        self.drop1, self.drop2, self.drop3 = nn.Dropout(0.1), nn.Dropout(0.1), nn.Dropout(0.1)
        self.head = nn.Sequential(nn.Linear(width, 20), nn.ReLU(), nn.Linear(20, 2))

    def forward(self, x: Tensor) -> Tensor:
        x = self.token(x) + self.place(torch.arange(x.shape[1], device=x.device))
        q, k, v = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        attended = nn.functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        x = self.norm1(x + self.drop1(self.out(attended)))
        x = self.norm2(x + self.drop2(self.feed_forward(x)))
        scores: Tensor = self.head(self.drop3(x.mean(dim=1)))
        return scores


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.head = nn.LSTM(32, 64, batch_first=True), nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        steps, _ = self.lstm(x)
        scores: Tensor = self.head(steps[:, -1])
        return scores


def module(workload: Workload) -> nn.Module:
    """Return the workload's model; images come channels first, see `arrays`."""
    if workload.model == "mlp":
        return nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
    if workload.model == "dropout_mlp":
        return nn.Sequential(
            nn.Linear(784, 64), nn.ReLU(), nn.Dropout(0.2), nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10)
        )
    if workload.model == "own_layer":
        return nn.Sequential(OrderedDict(own=OwnLayer(784, 64), head=nn.Linear(64, 10)))
    if workload.model == "cnn":
        return nn.Sequential(
            nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Dropout(0.5), nn.Linear(1600, 10),
        )  # fmt: skip
    return Encoder(workload.tokens, workload.shape[0]) if workload.model == "encoder" else Recurrent()


def optimizer(workload: Workload, model: nn.Module, **options: Any) -> torch.optim.Optimizer:
    """Return torch's own optimizer for the workload."""
    if workload.optimizer == "adamw":
        return torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01, **options)
    return torch.optim.Adam(model.parameters(), lr=1e-3, **options)


def arrays(workload: Workload, x: Array) -> Array:
    """Return x as a torch user holds it: images as (batch, channels, height, width)."""
    return np.ascontiguousarray(x.transpose(0, 3, 1, 2)) if workload.model == "cnn" else x
