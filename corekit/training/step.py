"""The step over tensors: from a batch to new weights and new metric state.

It asks the device for nothing: what changes between steps (learning rate, step count) is a 0-d tensor, and sums stay
on the device until somebody reads them. So the same function runs eagerly, compiles whole and is captured whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from corekit.errors import StateError
from corekit.model.model import Model
from corekit.model.sequential import Sequential
from corekit.protocols.layer import Layer
from corekit.protocols.optimizer import Optimizer
from corekit.protocols.tracing import no_grad
from corekit.protocols.tree import leaves
from corekit.training.backward import gradients
from corekit.training.data import Rows
from corekit.training.loss_scale import LossScale, changing

if TYPE_CHECKING:
    from corekit.training.trainer import Trainer


class Step:
    """Trains on a batch, or evaluates it.

    Args:
        trainer: whose model, losses, metrics and optimizer; they must be ready.
    """

    def __init__(self, trainer: Trainer) -> None:
        self._trainer, self.model = trainer, trainer.model
        self.scale: LossScale | None = None
        self.params: list[Any] = []

    def refresh(self) -> None:
        """Look again at what may have changed between two passes over the data: layers, hooks, what is trainable."""
        assert self._trainer.objective is not None
        self.objective = self._trainer.objective
        self._find_fused()
        self._layers = [module for module in self.model.modules() if isinstance(module, Layer)]
        self._constrained = [layer for layer in self._layers if layer._constraints]
        self._penalized = [layer for layer in self._layers if layer._regularizers]
        optimizer = self._trainer.optimizer
        if optimizer is not None and not isinstance(optimizer, type):
            self.params = [param for group in optimizer.param_groups for param in group["params"]]
            self.scale = LossScale(optimizer) if self._trainer.scales_loss and self.params else None

    def update(self, batch: Any) -> None:
        """Train on a batch: new weights."""
        self._train(batch, is_due=True)

    def collect(self, batch: Any) -> None:
        """Train on a batch whose gradients are only added to those before (gradient accumulation)."""
        self._train(batch, is_due=False)

    def evaluate(self, batch: Any) -> None:
        """Let losses and metrics see a batch; nothing is trained."""
        x, y, sample_weight = unpack(batch)
        with torch.no_grad():
            self._forget_losses()
            loss, outputs = self._forward(x, y, sample_weight)
            self._note(loss, y, outputs, sample_weight)

    def loss(self, y: Any, outputs: list[Tensor], sample_weight: Any, on_logits: list[bool], samples: int) -> Tensor:
        """Return the compiled loss of predictions with all penalties, a 0-d tensor."""
        if y is None:
            raise StateError(
                f'"{self.model.name}" was compiled with a loss, which needs labels: fit(x, y).\n'
                "  Leave the loss out where a layer's self.add_loss is all there is."
            )
        loss = self.objective.loss(y, outputs, sample_weight, on_logits, samples)
        for layer in self._penalized:
            for name, penalty in layer._regularizers.items():
                loss = loss + penalty(getattr(layer, name))
        for layer in self._layers:
            for added in layer._added_losses:
                loss = loss + added
        return loss

    # Inside

    def _train(self, batch: Any, *, is_due: bool) -> None:
        x, y, sample_weight = unpack(batch)
        self._forget_losses()
        loss, outputs = self._forward(x, y, sample_weight)
        wanted = [param for param in self.params if param.requires_grad]  # a callback may freeze some at any time
        grads = gradients(self._scaled(loss), wanted)
        if len(wanted) < len(self.params):
            found = dict(zip(map(id, wanted), grads, strict=True))
            grads = [found.get(id(param)) for param in self.params]
        with no_grad():
            if self.scale is None:
                self._update(grads, is_due)
            else:
                self._update_where_finite(self.scale, grads, is_due)
            for layer in self._constrained:
                layer.constrain_weights()
            self._note(loss, y, outputs, sample_weight)

    def _scaled(self, loss: Tensor) -> Tensor:
        optimizer = self._trainer.optimizer
        if isinstance(optimizer, Optimizer):
            loss = optimizer.scale_loss(loss)
        return loss if self.scale is None else self.scale.up(loss)

    def _update_where_finite(self, scale: LossScale, grads: Sequence[Any], is_due: bool) -> None:
        optimizer = self._trainer.optimizer
        grads, is_finite = scale.down(grads)
        tensors = changing(self.params, optimizer)
        before = [tensor.clone() for tensor in tensors]
        self._update(grads, is_due)
        if not isinstance(optimizer, Optimizer):  # torch's make their state at the first step
            made = [tensor for tensor in changing(self.params, optimizer) if all(tensor is not t for t in tensors)]
            tensors, before = [*tensors, *made], [*before, *map(torch.zeros_like, made)]
        scale.settle(is_finite, tensors, before)

    def _update(self, grads: Sequence[Any], is_due: bool) -> None:
        optimizer = self._trainer.optimizer
        if not isinstance(optimizer, Optimizer):
            for param, grad in zip(self.params, grads, strict=True):
                param.grad = grad
            optimizer.step()
            optimizer.zero_grad()
        elif is_due:
            optimizer.update_from(grads)
        else:
            optimizer.collect(grads)

    def _forward(self, x: Any, y: Any, sample_weight: Any) -> tuple[Tensor, list[Tensor]]:
        """Return the loss with all penalties, and the outputs as metrics want them."""
        if not any(self._fused):
            result = self.model(x)
            loss = self.model.compute_loss(x=x, y=y, y_pred=result, sample_weight=sample_weight)
            return loss, list(leaves(result))
        logits = self.model.precise_logits(x)
        if self._logits_serve_all and type(logits) is Tensor and logits.shape[-1] != 1:  # nearly every classifier
            return self.loss(y, [logits], sample_weight, self._fused, logits.shape[0]), [logits]
        values = [logits] if type(logits) is Tensor else list(leaves(logits))
        fed, shown = list(values), list(values)
        for place, link in enumerate(self._links):
            if link is None:
                continue
            if not self._fused[place]:
                fed[place] = shown[place] = link(values[place])
            elif self._shown[place] == "values" or (self._shown[place] == "order" and values[place].shape[-1] == 1):
                shown[place] = link(values[place].detach())
        return self.loss(y, fed, sample_weight, self._fused, values[0].shape[0]), shown

    def _note(self, loss: Tensor, y: Any, outputs: list[Tensor], sample_weight: Any) -> None:
        self._trainer.loss_tracker.update_state(loss, outputs[0].shape[0])
        if y is not None:
            shown = [output.detach() if output.requires_grad else output for output in outputs]
            self.objective.update_metrics(y, shown, sample_weight)

    def _forget_losses(self) -> None:
        for layer in self._layers:
            layer._added_losses.clear()

    # Logits: losses that want them pass by the last activation

    def _find_fused(self) -> None:
        """For each output: does its loss want the logits that its last activation would hide?"""
        size = len(self.objective.names)
        links = self.model.link_activation
        self._links = links if isinstance(links, list) else [links] * size
        own = type(self.model).compute_loss is not Model.compute_loss
        if links is None or own or self._skips_a_call() or len(self._links) != size:
            self._links = [None] * size
        wanted = [None if loss is None else loss.logits_for for loss in self.objective.losses]
        self._fused = [
            link is not None and want is not None and getattr(link, "link", None) == want
            for link, want in zip(self._links, wanted, strict=True)
        ]
        self._shown = [  # what metrics are to be shown of an output; its logits have the order of a softmax
            "values" if seen == "order" and getattr(link, "link", None) != "softmax" else seen
            for link, seen in zip(self._links, self.objective.seen, strict=True)
        ]
        self._logits_serve_all = self._fused == [True] and self._shown != ["values"]

    def _skips_a_call(self) -> bool:
        """Return whether the fused path would pass by a hook, or a `call` of the user's own."""
        last: list[Any] = self.model.layers[-1:]
        if self.model.graph is not None:
            ends = set(leaves(self.model.graph.outputs))
            last = [step.operation for step in self.model.graph.steps if ends & set(leaves(step.outputs))]
        inside = [module for layer in last if isinstance(layer, Layer) for module in layer.modules()]
        return any(
            module._forward_hooks
            or module._forward_pre_hooks
            or (isinstance(module, Model) and type(module).call not in (Model.call, Sequential.call))
            for module in (self.model, *inside)
        )


def unpack(data: Any) -> tuple[Any, Any, Any]:
    """Return x, y and sample_weight of a batch, None for what it lacks."""
    if isinstance(data, Rows):
        data = data.gathered()
    if type(data) is tuple and len(data) == 2:
        return *data, None
    parts = list(data) if isinstance(data, (tuple, list)) else [data]
    x, y, weight, *_ = parts + [None] * 3
    return x, y, weight
