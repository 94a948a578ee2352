"""The models as plain functions of their weights, and Adam as one kernel: what the tuned loops are made of.

Here is what a patient engineer writes: Dense kernels stored (in, out), images NHWC, attention and LSTM as torch's own
kernels, dropout from few random bits. All return logits.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable

import torch
import torch.nn.functional as F  # noqa: N812  # torch's own habit
from torch import Tensor

from benchmarks.workloads import Workload

Weights = dict[str, Tensor]
Dropout = Callable[[Tensor, float], Tensor]
_SHAPES: dict[str, dict[str, tuple[int, ...]]] = {
    "mlp": {"k1": (784, 128), "b1": (128,), "k2": (128, 10), "b2": (10,)},
    "dropout_mlp": {"k1": (784, 64), "b1": (64,), "k2": (64, 128), "b2": (128,), "k3": (128, 10), "b3": (10,)},
    "own_layer": {"k1": (784, 64), "k2": (64, 10), "b2": (10,)},
    "cnn": {"c1": (32, 1, 3, 3), "b1": (32,), "c2": (64, 32, 3, 3), "b2": (64,), "k3": (1600, 10), "b3": (10,)},
    "encoder": {"tokens": (20_000, 32), "places": (64, 32), "qkv": (32, 192), "bqkv": (192,), "out": (64, 32),
                "bout": (32,), "g1": (32,), "o1": (32,), "f1": (32, 32), "bf1": (32,), "f2": (32, 32), "bf2": (32,),
                "g2": (32,), "o2": (32,), "k1": (32, 20), "b1": (20,), "k2": (20, 2), "b2": (2,)},
    "lstm": {"wi": (256, 32), "wh": (256, 64), "bi": (256,), "bh": (256,), "k1": (64, 10), "b1": (10,)},
}  # fmt: skip

_DROPPED = {"dropout_mlp": 64, "cnn": 1600, "encoder": 2 * 64 * 32 + 32}  # elements that dropout sees, per sample


def weights(workload: Workload, device: str = "cpu") -> Weights:
    """Return new weights: matrices Glorot-uniform, gains one, biases and offsets zero."""
    made = {name: torch.zeros(shape, device=device) for name, shape in _SHAPES[workload.model].items()}
    for name, weight in made.items():
        if weight.ndim > 1:
            torch.nn.init.xavier_uniform_(weight)
        elif name.startswith("g"):
            weight.fill_(1)
        if weight.ndim == 4:
            made[name] = weight.contiguous(memory_format=torch.channels_last)
    if workload.model == "lstm" and device == "cuda":
        _lay_side_by_side([made[name] for name in ("wi", "wh", "bi", "bh")])
    return {name: weight.requires_grad_() for name, weight in made.items()}


def _lay_side_by_side(cells: list[Tensor]) -> None:
    """Put an LSTM's weights into one block, as cuDNN wants them and `nn.LSTM.flatten_parameters` does."""
    mode = torch.backends.cudnn.rnn.get_cudnn_mode("LSTM")
    with torch.no_grad():
        torch._cudnn_rnn_flatten_weight(cells, 4, 32, mode, 64, 0, 1, True, False)


def set_up_process() -> None:
    """Make this process fit for training, before it has done much.

    Denormals are flushed: Adam's moments of dead units decay into them. And glibc keeps freed memory instead of handing
    it back to the kernel after each step, which must then clear the same pages again: 32 ms a step of W4 become 26.
    """
    torch.set_flush_denormal(True)
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "mallopt"):
        trim_threshold, mmap_threshold = -1, -3  # M_TRIM_THRESHOLD, M_MMAP_THRESHOLD of malloc.h
        libc.mallopt(trim_threshold, 2**31 - 1)
        libc.mallopt(mmap_threshold, 2**30)


class CheapDropout:
    """Dropout from few random numbers: each of 64 bits is read as four thresholds of 16 bits.

    `bernoulli_` draws one number per element, on one thread, and takes a sixth of a step of W4.

    Args:
        workload: says how many elements a step drops.
        device: where.
    """

    def __init__(self, workload: Workload, device: str = "cpu") -> None:
        elements = _DROPPED.get(workload.model, 0) * workload.batch
        self.numbers = torch.empty(-(-elements // 4), dtype=torch.int64, device=device)
        self.thresholds = self.numbers.view(torch.int16)

    def draw(self) -> Tensor:
        """Return new thresholds, for `dropper`."""
        if len(self.numbers):
            self.numbers.random_(-(2**63), None)
        return self.thresholds


def dropper(thresholds: Tensor) -> Dropout:
    """Return a dropout that uses up the thresholds, call by call."""
    taken = 0

    def dropout(x: Tensor, rate: float) -> Tensor:
        nonlocal taken
        mine = thresholds[taken : taken + x.numel()]
        taken += x.numel()
        return x * (mine >= round(rate * 65536) - 32768).view(x.shape) * (1 / (1 - rate))

    return dropout


def no_dropout(x: Tensor, rate: float) -> Tensor:
    """Return x: what dropout does when a model predicts."""
    return x


def logits(model: str, w: Weights, x: Tensor, dropout: Dropout) -> Tensor:
    """Shape: x (batch, *workload.shape) -> (batch, classes)."""
    if model == "mlp":
        return torch.addmm(w["b2"], torch.addmm(w["b1"], x, w["k1"]).relu(), w["k2"])
    if model == "dropout_mlp":
        hidden = dropout(torch.addmm(w["b1"], x, w["k1"]).relu(), 0.2)
        return torch.addmm(w["b3"], torch.addmm(w["b2"], hidden, w["k2"]).relu(), w["k3"])
    if model == "own_layer":
        return torch.addmm(w["b2"], (x @ w["k1"]).relu(), w["k2"])
    if model == "cnn":
        return _cnn(w, x, dropout)
    return _encoder(w, x, dropout) if model == "encoder" else _lstm(w, x)


def _cnn(w: Weights, x: Tensor, dropout: Dropout) -> Tensor:
    x = x.permute(0, 3, 1, 2)  # gathered as NHWC, so this is channels-last without a copy
    x = F.max_pool2d(F.conv2d(x, w["c1"], w["b1"]), 2).relu_()  # relu after the pool: the same, on a quarter
    x = F.max_pool2d(F.conv2d(x, w["c2"], w["b2"]), 2).relu_()
    flat = x.permute(0, 2, 3, 1).reshape(len(x), 1600)  # the order in which the values lie
    return torch.addmm(w["b3"], dropout(flat, 0.5), w["k3"])


def _encoder(w: Weights, tokens: Tensor, dropout: Dropout) -> Tensor:
    x = F.embedding(tokens, w["tokens"]) + w["places"]  # (batch, 64, 32)
    batch, length, width = x.shape
    qkv = torch.addmm(w["bqkv"], x.reshape(-1, width), w["qkv"]).view(batch, length, 3, 2, 32)
    q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind()  # each (batch, 2 heads, 64, 32)
    seen = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(-1, 64)
    attended = dropout(torch.addmm(w["bout"], seen, w["out"]).view_as(x), 0.1)
    x = F.layer_norm(x + attended, (width,), w["g1"], w["o1"], 1e-6).reshape(-1, width)
    inner = torch.addmm(w["bf2"], torch.addmm(w["bf1"], x, w["f1"]).relu(), w["f2"])
    x = F.layer_norm(x + dropout(inner, 0.1), (width,), w["g2"], w["o2"], 1e-6)
    pooled = dropout(x.view(batch, length, width).mean(dim=1), 0.1)
    return torch.addmm(w["b2"], torch.addmm(w["b1"], pooled, w["k1"]).relu(), w["k2"])


def _lstm(w: Weights, x: Tensor) -> Tensor:
    zero = x.new_zeros(1, len(x), 64)
    cells = [w["wi"], w["wh"], w["bi"], w["bh"]]
    steps, _, _ = torch.lstm(x, [zero, zero], cells, True, 1, 0.0, torch.is_grad_enabled(), False, True)
    return torch.addmm(w["b1"], steps[:, -1], w["k1"])


def loss_and_hits(scores: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean cross-entropy, and how many samples were named rightly, both on the device."""
    hits = (scores.argmax(dim=1) == y.argmax(dim=1)).sum()
    loss = (torch.log_softmax(scores, 1) * y).sum() * (-1 / len(y))  # two operations less than F.cross_entropy's
    return loss, hits


class FusedAdam:
    """Adam or AdamW in one kernel call for all weights, without the bookkeeping of `torch.optim`.

    Args:
        params: the weights, changed in place.
        workload: says which of the two.
    """

    def __init__(self, params: list[Tensor], workload: Workload) -> None:
        self.params = params
        self.first = [torch.zeros_like(p) for p in params]
        self.second = [torch.zeros_like(p) for p in params]
        self.step = torch.zeros((), device=params[0].device)
        self.steps = [self.step] * len(params)  # one counter serves them all
        self.decay = 0.01 if workload.optimizer == "adamw" else 0.0
        self.update = torch._fused_adamw_ if self.decay else torch._fused_adam_

    @torch.no_grad()
    def apply(self, grads: list[Tensor] | tuple[Tensor, ...]) -> None:
        """Make one step of learning rate 1e-3."""
        self.step += 1
        self.update(
            self.params, list(grads), self.first, self.second, [], self.steps, lr=1e-3, beta1=0.9, beta2=0.999,
            weight_decay=self.decay, eps=1e-7, amsgrad=False, maximize=False,
        )  # fmt: skip
