"""The fastest compiled loop found: one graph for gather, forward, loss, backward and sums, called without guards.

The graph is traced by `make_fx` and handed to Inductor's inner compiler, whose result is a plain function of a list of
tensors: no dynamo guards, no autograd wrapper. That is private API of torch 2.13, for measuring. Adam is one call of
torch's fused kernel, which beats the one that Inductor would write.
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

    def step_of_graph(self, x: Tensor, y: Tensor, sums: Tensor, index: Tensor, drawn: Tensor, *params: Tensor) -> Any:
        """Return the new sums and the gradients; x and y are all samples, `drawn` the thresholds of dropout."""

        def loss_of(params: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
            weights = dict(zip(self.names, params, strict=True))
            scores = logits(self.workload.model, weights, x.index_select(0, index), dropper(drawn))
            return loss_and_hits(scores, y.index_select(0, index))

        grads, (loss, hits) = torch.func.grad_and_value(loss_of, has_aux=True)(params)
        return [sums + torch.stack([loss, hits.to(loss.dtype)]), *grads]

    def step(self, index: Tensor) -> None:
        arguments = [self.x, self.y, self.sums, index, self.dropout.draw(), *self.params]
        if self.graph is None:
            self.graph = compile_graph(self.step_of_graph, arguments)
        self.sums, *grads = self.graph(arguments)
        self.adam.apply(grads)

    def fit(self, epochs: int, after_epoch: AfterEpoch) -> None:
        with torch.no_grad():
            super().fit(epochs, after_epoch)


def prepare(workload: Workload, x: Array, y: Array, variant: str) -> CompiledLoop:
    if workload.model == "lstm":
        raise NotApplicableError("compiling unrolls the LSTM: 47 s to compile, then three times slower than eager")
    return CompiledLoop(workload, x, y)
