"""What `compile` makes: optimizer, losses and metrics of one model, and its step over tensors.

The step is one function from a batch to new weights and new metric state. It asks the device for nothing: what
changes between steps (learning rate, step count) is a 0-d tensor, and sums stay on the device until somebody reads
them. So the same function runs eagerly and compiles whole.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from corekit.errors import ArgumentTypeError, StateError
from corekit.model.model import Model
from corekit.protocols.creation import create
from corekit.protocols.metric import Metric
from corekit.protocols.optimizer import Optimizer
from corekit.protocols.tree import leaves
from corekit.registry import registry
from corekit.training import device as devices
from corekit.training.objective import Average, Objective, as_loss, as_metric, by_output, convert, output_names


class Trainer:
    """The training half of a model; see `Model.compile` for the arguments."""

    def __init__(
        self,
        model: Model,
        optimizer: Any,
        loss: Any,
        *,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        whole_step: bool = False,
        device: Any = None,
    ) -> None:
        self.model = model
        self.given_loss = loss
        self.device = devices.choose(model, device)
        self.device_was_given = device is not None
        self._losses = convert(loss, as_loss, "loss")
        self._loss_weights = loss_weights
        self._metric_specs = convert(metrics or [], as_metric, "metrics")
        self._weighted_specs = convert(weighted_metrics or [], as_metric, "weighted_metrics")
        self._loss_tracker = Average("loss")
        self._objective: Objective | None = None
        self.optimizer = _as_optimizer(optimizer)
        self._whole_step = whole_step
        self._run_step: Callable[..., None] = self._step

    # Getting ready

    @property
    def metrics(self) -> list[Metric]:
        """The metrics behind the logs, the loss's running mean first."""
        ready = [] if self._objective is None else self._objective.metrics
        return [self._loss_tracker, *ready]

    def prepare(self, data: Any) -> None:
        """Build and place what one batch is needed for: the model, the optimizer's state, the metrics."""
        x, _, _ = unpack(data)
        if self._objective is None:
            with torch.no_grad(), self.model._mode(False):
                self.model.clear_losses()
                outputs = self.model(x)  # builds a model that was not drawn
            names = output_names(outputs, self.model.output_names)
            self._objective = Objective(
                names,
                by_output(self._losses, names, "loss"),
                [1.0 if weight is None else weight for weight in by_output(self._loss_weights, names, "loss_weights")],
                _metric_lists(self._metric_specs, names, "metrics"),
                _metric_lists(self._weighted_specs, names, "weighted_metrics"),
            )
            self._fused = self._find_fused()
        for metric in self.model.metrics:
            metric.to(self.device)
        self._bind_optimizer()

    def _bind_optimizer(self) -> None:
        if self.optimizer is None:
            return
        if isinstance(self.optimizer, type):
            self.optimizer = self.optimizer(self._trainable())
        elif isinstance(self.optimizer, Optimizer) and not self.optimizer.is_bound:
            self.optimizer.bind([(name, w) for name, w in self.model.named_parameters() if w.requires_grad])
        self.params = [param for group in self.optimizer.param_groups for param in group["params"]]
        mine = {id(param) for param in self.model.parameters()}
        if not any(id(param) in mine for param in self.params):
            raise StateError(
                f"{type(self.optimizer).__name__} holds none of the model's parameters: it was made for another model "
                "or before this one was built.\n  Make it anew, or give compile the class."
            )
        if self._whole_step and self._run_step == self._step:
            if isinstance(self.optimizer, Optimizer):
                self.optimizer.prepare([param.requires_grad for param in self.params])
            self._run_step = torch.compile(self._step, fullgraph=True)

    def _trainable(self) -> list[Tensor]:
        return [weight for weight in self.model.parameters() if weight.requires_grad]

    def _find_fused(self) -> list[bool]:
        """For each output: does its loss want the logits that its last activation would hide?"""
        assert self._objective is not None
        count = len(self._objective.names)
        links = self.model.link_activation
        self._links = links if isinstance(links, list) else [links] * count
        own_loss = type(self.model).compute_loss is not Model.compute_loss
        if links is None or own_loss or self.model._forward_hooks or len(self._links) != count:
            self._links = [None] * count
        wanted = [None if loss is None else loss.logits_for for loss in self._objective.losses]
        return [
            link is not None and want is not None and getattr(link, "link", None) == want
            for link, want in zip(self._links, wanted, strict=True)
        ]

    # The step

    def step(self, data: Any) -> None:
        """Make one optimizer step; losses and metrics go into their running sums."""
        if self._run_step == self._step:
            self._step(data)
            return
        with torch._dynamo.config.patch(trace_autograd_ops=True):  # lets autograd.grad into the graph
            self._run_step(data)

    def _step(self, data: Any) -> None:
        x, y, sample_weight = unpack(data)
        self.model.clear_losses()
        loss, outputs = self._forward(x, y, sample_weight)
        wanted = [param for param in self.params if param.requires_grad]
        found = dict(zip(map(id, wanted), torch.autograd.grad(loss, wanted, allow_unused=True), strict=True))
        self._apply([found.get(id(param)) for param in self.params])
        self.model.constrain_weights()
        self._note(loss, y, outputs, sample_weight)

    def _apply(self, grads: list[Any]) -> None:
        if isinstance(self.optimizer, Optimizer):
            self.optimizer.apply(grads)
            return
        for param, grad in zip(self.params, grads, strict=True):
            param.grad = grad
        self.optimizer.step()
        self.optimizer.zero_grad()

    def evaluate(self, data: Any) -> None:
        """Let losses and metrics see a batch; nothing is trained."""
        x, y, sample_weight = unpack(data)
        with torch.no_grad():
            self.model.clear_losses()
            loss, outputs = self._forward(x, y, sample_weight)
            self._note(loss, y, outputs, sample_weight)

    def _forward(self, x: Any, y: Any, sample_weight: Any) -> tuple[Tensor, list[Tensor]]:
        """Return the loss with all penalties, and the outputs as metrics want them."""
        assert self._objective is not None
        if any(self._fused):
            values = list(leaves(self.model.logits(x)))
            outputs = [v if link is None else link(v) for v, link in zip(values, self._links, strict=True)]
            fed = [v if fused else o for v, o, fused in zip(values, outputs, self._fused, strict=True)]
            return self._with_penalties(self._objective.loss(y, fed, sample_weight, self._fused, _count(x))), outputs
        result = self.model(x)
        loss = self.model.compute_loss(x=x, y=y, y_pred=result, sample_weight=sample_weight)
        return loss, list(leaves(result))

    def _note(self, loss: Tensor, y: Any, outputs: list[Tensor], sample_weight: Any) -> None:
        assert self._objective is not None
        with torch.no_grad():
            self._loss_tracker.update_state(loss, _count(outputs))
            if y is not None:
                self._objective.update_metrics(y, [output.detach() for output in outputs], sample_weight)

    def compute_loss(self, y: Any, y_pred: Any, sample_weight: Any = None) -> Tensor:
        """Return the loss of predictions, penalties included."""
        assert self._objective is not None
        outputs = list(leaves(y_pred))
        if self._losses is None or y is None:
            penalties = self.model.losses
            if penalties:
                return torch.stack(penalties).sum()
            missing = "labels: fit(x, y)" if y is None and self._losses is not None else 'a loss: compile(loss="mse")'
            raise StateError(f'"{self.model.name}" needs {missing}, or a layer that calls self.add_loss.')
        plain = [False] * len(outputs)
        return self._with_penalties(self._objective.loss(y, outputs, sample_weight, plain, _count(outputs)))

    def _with_penalties(self, loss: Tensor) -> Tensor:
        for penalty in self.model.losses:
            loss = loss + penalty
        return loss

    # What users see

    def train_step(self, data: Any) -> dict[str, Any]:
        """Make a step and return the logs."""
        self.step(data)
        return self.logs()

    def test_step(self, data: Any) -> dict[str, Any]:
        """Evaluate a batch and return the logs."""
        self.evaluate(data)
        return self.logs()

    def logs(self) -> dict[str, Any]:
        """Return the running loss and metrics: tensors on the device, read by nobody yet."""
        return {metric.name: metric.result() for metric in self.model.metrics}


def unpack(data: Any) -> tuple[Any, Any, Any]:
    """Return x, y and sample_weight of a batch, None for what it lacks."""
    if not isinstance(data, (tuple, list)):
        return data, None, None
    x, y, weight, *_ = (*data, None, None, None)
    return x, y, weight


def _count(values: Any) -> int:
    return int(next(leaves(values)).shape[0])


def _as_optimizer(spec: Any) -> Any:
    """Return an optimizer, or torch's kind of class: that one is made when the parameters exist."""
    found = registry.get("optimizers", spec) if isinstance(spec, str) else spec
    if isinstance(found, type) and issubclass(found, torch.optim.Optimizer) and not issubclass(found, Optimizer):
        return found
    made = found if isinstance(found, torch.optim.Optimizer) else create("optimizers", found)
    if made is None or isinstance(made, torch.optim.Optimizer):
        return made
    raise ArgumentTypeError(
        f'compile(optimizer={spec!r}): expected a name such as "adam", an optimizer or a torch optimizer class.'
    )


def _metric_lists(specs: Any, names: list[str], kind: str) -> list[list[Metric]]:
    """Return the metrics of each output: a flat list belongs to the one output, or to each of several as a copy."""
    if isinstance(specs, Metric):
        specs = [specs]
    nested = isinstance(specs, dict) or any(isinstance(spec, list) or spec is None for spec in specs)
    if not nested and len(names) == 1:
        return [list(specs)]
    if not nested and len(specs) != len(names) and specs:
        raise ArgumentTypeError(
            f"{kind}: the model has {len(names)} outputs ({', '.join(names)}). Give a list of metrics for each: "
            f"{kind}={{{names[0]!r}: [...]}}."
        )
    chosen = by_output(specs, names, kind) if specs else [None] * len(names)
    return [[] if own is None else own if isinstance(own, list) else [own] for own in chosen]
