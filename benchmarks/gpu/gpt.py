"""A GPT of 124M parameters in bf16, in five ways: naive, tuned, compiled and captured loops, and corekit.

All train the same module, which computes under bf16 autocast, on the same random tokens with AdamW.

Reference: Radford et al., Language Models are Unsupervised Multitask Learners, 2019 (GPT-2 small).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812  # torch's own habit
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.frameworks import AfterEpoch, NotApplicableError
from benchmarks.gpu.graph import capture


@dataclass(frozen=True)
class Size:
    """How big the model and its batch are; the defaults are GPT-2 small, vocabulary filled up to a multiple of 64."""

    layers: int = 12
    heads: int = 12
    width: int = 768
    context: int = 1024
    vocabulary: int = 50_304
    batch: int = 16
    steps: int = 4  # an epoch

    @property
    def flop(self) -> float:
        """Multiplications and additions of a step: 6 a weight and token, and attention (Chowdhery et al., 2022)."""
        weights = 12 * self.layers * self.width**2 + self.vocabulary * self.width
        token = 6 * weights + 12 * self.layers * self.width * self.context
        return float(token) * self.batch * self.context


TINY = Size(layers=2, heads=2, width=32, context=16, vocabulary=64, batch=2, steps=2)


class Block(nn.Module):
    def __init__(self, size: Size) -> None:
        super().__init__()
        width, self.heads = size.width, size.heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(self.norm1(x)).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        seen = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(seen.transpose(1, 2).flatten(2))
        return x + self.down(F.gelu(self.up(self.norm2(x)), approximate="tanh"))


class Gpt(nn.Module):
    """Tokens (batch, context) -> logits (batch, context, vocabulary), computed in bf16 on a device of this kind."""

    def __init__(self, size: Size, device: str) -> None:
        super().__init__()
        self.kind = device
        self.token, self.place = nn.Embedding(size.vocabulary, size.width), nn.Embedding(size.context, size.width)
        self.blocks = nn.Sequential(*(Block(size) for _ in range(size.layers)))
        self.norm = nn.LayerNorm(size.width)
        for embedding in (self.token, self.place):
            nn.init.normal_(embedding.weight, std=0.02)

    def forward(self, tokens: Tensor) -> Tensor:
        with torch.autocast(self.kind, torch.bfloat16):
            x = self.token(tokens) + self.place(torch.arange(tokens.shape[-1], device=tokens.device))
            return F.linear(self.norm(self.blocks(x)), self.token.weight)  # the head is the embedding's weight


class GptLoop:
    """One way to train it; `fit` is that of `benchmarks.frameworks.Session`."""

    def __init__(self, size: Size, device: str, way: str) -> None:
        if way == "cuda_graph" and device != "cuda":
            raise NotApplicableError("CUDA graphs need CUDA")
        torch.manual_seed(0)
        self.size, self.device, self.way = size, device, way
        self.model = Gpt(size, device).to(device)
        text = torch.randint(size.vocabulary, (size.batch * size.steps, size.context + 1), device=device)
        self.x, self.y = text[:, :-1].contiguous(), text[:, 1:].contiguous()
        fast = {} if way == "naive" else {"fused": True, "capturable": way == "cuda_graph"}
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=6e-4, weight_decay=0.1, **fast)
        if way == "compiled":
            self.model.compile()
        self.total = torch.zeros((), device=device)
        self.held_x, self.held_y = self.x[: size.batch].clone(), self.y[: size.batch].clone()
        self.graph: torch.cuda.CUDAGraph | None = None

    def fit(self, epochs: int, after_epoch: AfterEpoch) -> None:
        epoch: Callable[[], float] = self.naive_epoch if self.way == "naive" else self.tuned_epoch
        for _ in range(epochs):
            epoch()
            if after_epoch():
                return

    def naive_epoch(self) -> float:
        total = 0.0
        for x, y in DataLoader(TensorDataset(self.x.cpu(), self.y.cpu()), batch_size=self.size.batch, shuffle=True):
            self.optimizer.zero_grad()
            loss = self.loss(x.to(self.device), y.to(self.device))
            loss.backward()
            self.optimizer.step()
            total += loss.item()
        return total

    def tuned_epoch(self) -> float:
        self.total.zero_()
        for index in torch.randperm(len(self.x), device=self.device).split(self.size.batch):
            torch.index_select(self.x, 0, index, out=self.held_x)
            torch.index_select(self.y, 0, index, out=self.held_y)
            if self.way != "cuda_graph":
                self.step()
                continue
            if self.graph is None:
                self.graph = capture(self.step)
            self.graph.replay()
        return float(self.total)

    def step(self) -> None:
        """Train on the batch that is held."""
        loss = self.loss(self.held_x, self.held_y)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.total += loss.detach()

    def loss(self, x: Tensor, y: Tensor) -> Tensor:
        return F.cross_entropy(self.model(x).flatten(0, 1), y.flatten())

    def engine(self) -> str | None:
        return None


class CorekitGpt:
    """The same module in corekit, trained by `fit` with its defaults."""

    def __init__(self, size: Size, device: str, way: str) -> None:
        import corekit as ck  # here, since the torch loops run without it

        ck.utils.set_random_seed(0)
        self.size = size
        self.model = ck.Sequential([ck.Input(shape=(size.context,), dtype="int64"), Gpt(size, device)])
        text = torch.randint(size.vocabulary, (size.batch * size.steps, size.context + 1)).numpy()
        self.x, self.y = text[:, :-1], text[:, 1:]
        self.model.compile(
            optimizer=ck.optimizers.AdamW(learning_rate=6e-4, weight_decay=0.1),
            loss=ck.losses.SparseCategoricalCrossentropy(from_logits=True), device=device,
        )  # fmt: skip

    def fit(self, epochs: int, after_epoch: AfterEpoch) -> None:
        from benchmarks.frameworks.corekit_fit import AfterEach

        self.model.fit(self.x, self.y, batch_size=self.size.batch, epochs=epochs, callbacks=[AfterEach(after_epoch)])

    def engine(self) -> str | None:
        return str(getattr(self.model, "step_engine", ""))

    def settled(self) -> bool:
        from benchmarks.frameworks.corekit_fit import is_settled

        return is_settled(self.engine())
