"""The fastest compiled loop found: one graph for gather, forward, loss, backward and sums, called without guards.

The graph is traced by `make_fx` and handed to Inductor's inner compiler, whose result is a plain function of a list of
tensors: no dynamo guards, no autograd wrapper. That is private API of torch 2.13, for measuring. Adam is one call of
torch's fused kernel, which beats the one that Inductor writes for small weights; over a big embedding Inductor's wins,
as it makes gradient and update in one pass: there Adam stands inside the graph.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from benchmarks.frameworks import AfterEpoch, NotApplicableError
from benchmarks.frameworks.torch_functions import dropper, logits, loss_and_hits
from benchmarks.frameworks.torch_tuned import TunedLoop
from benchmarks.workloads import Array, Workload


def compile_graph(function: Callable[..., Any], arguments: list[Tensor]) -> Callable[[list[Tensor]], list[Tensor]]:
    """Return `function` compiled for arguments of exactly these shapes; it takes them as one list, which it empties."""
    from torch._inductor.compile_fx import compile_fx_inner  # heavy: seconds, part of the first epoch
    from torch._inductor.decomposition import select_decomp_table
    from torch._subclasses import FakeTensorMode
    from torch.fx.experimental.proxy_tensor import make_fx

    with FakeTensorMode(allow_non_fake_inputs=True) as mode:
        fake = [mode.from_tensor(argument.detach()) for argument in arguments]
        traced = torch.func.functionalize(function, remove="mutations_and_views")
        graph = make_fx(traced, decomposition_table=select_decomp_table())(*fake)
    with torch._guards.tracing(torch._guards.TracingContext(mode)):
        compiled: Callable[[list[Tensor]], list[Tensor]] = compile_fx_inner(graph, fake)
    return compiled


class CompiledLoop(TunedLoop):
    """The tuned loop with its step in one compiled graph; arguments as there."""

    def __init__(self, workload: Workload, x: Array, y: Array, device: str = "cpu") -> None:
        super().__init__(workload, x, y, device)
        self.names = list(self.weights)
        self.params = [weight.detach() for weight in self.params]
        self.adam.params = self.params
        self.graph: Callable[[list[Tensor]], list[Tensor]] | None = None

    def gradients(self, x: Tensor, y: Tensor, sums: Tensor, index: Tensor, drawn: Tensor, *params: Tensor) -> Any:
        """Return the new sums and the gradients; x and y are all samples, `drawn` the thresholds of dropout."""

        def loss_of(params: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
            weights = dict(zip(self.names, params, strict=True))
            scores = logits(self.workload.model, weights, x.index_select(0, index), dropper(drawn))
            return loss_and_hits(scores, y.index_select(0, index))

        grads, (loss, hits) = torch.func.grad_and_value(loss_of, has_aux=True)(params)
        return [sums + torch.stack([loss, hits.to(loss.dtype)]), *grads]

    def whole_step(self, step: Tensor, x: Tensor, y: Tensor, sums: Tensor, index: Tensor, drawn: Tensor,
                   *state: Tensor) -> Any:  # fmt: skip
        """Do a whole step in place; `state` is the weights, then Adam's first moments, then its second ones."""
        count = len(self.names)
        params, first, second = state[:count], state[count : 2 * count], state[2 * count :]
        new_sums, *grads = self.gradients(x, y, sums, index, drawn, *params)
        sums.copy_(new_sums)
        step.add_(1)
        rate, correction = 1e-3 / (1 - 0.9**step), (1 - 0.999**step).sqrt()
        for weight, grad, mean, square in zip(params, grads, first, second, strict=True):
            mean.lerp_(grad, 0.1)
            square.mul_(0.999).addcmul_(grad, grad, value=0.001)
            weight.mul_(1 - 1e-3 * self.adam.decay).sub_(rate * mean / (square.sqrt() / correction + 1e-7))
        return []

    def arguments(self, index: Tensor, is_whole: bool) -> list[Tensor]:
        """Return what `gradients` or `whole_step` takes for the samples of these numbers."""
        data = [self.x, self.y, self.sums, index, self.dropout.draw(), *self.params]
        return [self.adam.step, *data, *self.adam.first, *self.adam.second] if is_whole else data

    def step(self, index: Tensor) -> None:
        is_whole = self.workload.model == "encoder"
        arguments = self.arguments(index, is_whole)
        if self.graph is None:
            self.graph = compile_graph(self.whole_step if is_whole else self.gradients, arguments)
        found = self.graph(arguments)
        if not is_whole:
            self.sums, *grads = found
            self.adam.apply(grads)

    def fit(self, epochs: int, after_epoch: AfterEpoch) -> None:
        with torch.no_grad():
            super().fit(epochs, after_epoch)


def prepare(workload: Workload, x: Array, y: Array, variant: str) -> CompiledLoop:
    if workload.model == "lstm":
        raise NotApplicableError("compiling unrolls the LSTM: 47 s to compile, then three times slower than eager")
    return CompiledLoop(workload, x, y)
