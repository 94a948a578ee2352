"""What `compile` makes: optimizer, losses and metrics of one model, and its step over tensors.

The step is one function from a batch to new weights and new metric state. It asks the device for nothing: what
changes between steps (learning rate, step count) is a 0-d tensor, and sums stay on the device until somebody reads
them. So the same function runs eagerly and compiles whole.
"""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real
from typing import Any

import torch
from torch import Tensor

from corekit.errors import ArgumentTypeError, StateError
from corekit.model.model import Model
from corekit.model.sequential import Sequential
from corekit.protocols.creation import create
from corekit.protocols.layer import Layer
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
        self._loss_weights = _checked_weights(loss_weights)
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

    def prepare(self, data: Any, mode: str) -> None:
        """Build and place what a batch is needed for: the model, the metrics and, to "train", the optimizer."""
        own_step = has_own_step(self.model, mode)
        if self._objective is None and self._wants_outputs(own_step):
            with torch.no_grad(), self.model._mode(False):
                self.model.clear_losses()
                self._match(self.model(unpack(data)[0]))  # builds a model that was not drawn
        if self._objective is not None:
            self._fused = self._find_fused()
        for metric in {*self.metrics, *self.model.metrics}:
            metric.to(self.device)
        if mode == "train" and self.optimizer is not None:
            self._bind_optimizer(own_step)

    def _wants_outputs(self, own_step: bool) -> bool:
        """Return whether a first call is due; a model whose own step does it all may have no `call` to make."""
        if not own_step:
            return True
        has_call = self.model.graph is not None or type(self.model).call is not Model.call
        compiled = self._losses is not None or self._metric_specs or self._weighted_specs
        return has_call and bool(compiled or not self.model.built)

    def _match(self, outputs: Any) -> Objective:
        """Match losses and metrics with the model's outputs."""
        names = output_names(outputs, self.model.output_names)
        weights = by_output(self._loss_weights, names, "loss_weights")
        self._objective = Objective(
            names,
            by_output(self._losses, names, "loss"),
            [1.0 if weight is None else weight for weight in weights],
            _metric_lists(self._metric_specs, names, "metrics"),
            _metric_lists(self._weighted_specs, names, "weighted_metrics"),
        )
        return self._objective

    def _bind_optimizer(self, own_step: bool) -> None:
        trainable = {name: weight for name, weight in self.model.named_parameters() if weight.requires_grad}
        if not trainable and own_step:
            return
        if not trainable:
            raise StateError(
                f'"{self.model.name}" has no trainable weights, so there is nothing to fit.\n'
                "  Set  layer.trainable = True  where it was set to False, then compile again."
            )
        if isinstance(self.optimizer, type):
            self.optimizer = self.optimizer(trainable.values())
        elif isinstance(self.optimizer, Optimizer) and not self.optimizer.is_bound:
            self.optimizer.bind(trainable.items())
        self.params = [param for group in self.optimizer.param_groups for param in group["params"]]
        mine = {id(param) for param in self.model.parameters()}
        if not any(id(param) in mine for param in self.params):
            raise StateError(
                f"{type(self.optimizer).__name__} holds none of the model's parameters: it was made for another model "
                "or before this one was built.\n  Make it anew, or give compile the class."
            )
        self._place_optimizer()
        if self._whole_step and self._run_step == self._step:
            if isinstance(self.optimizer, Optimizer):
                self.optimizer.prepare([param.requires_grad for param in self.params], flat=False)
            self._run_step = torch.compile(self._step, fullgraph=True)

    def _place_optimizer(self) -> None:
        """Bring the optimizer's state and learning rates to the weights, should these have moved since."""
        state = self.optimizer.state.items()
        if any(v.ndim and v.device != p.device for p, own in state for v in own.values() if isinstance(v, Tensor)):
            self.optimizer.load_state_dict(self.optimizer.state_dict())  # torch's loading moves it
        for group in self.optimizer.param_groups:
            if isinstance(group["lr"], Tensor) and group["params"]:
                group["lr"] = group["lr"].to(group["params"][0].device)

    def _find_fused(self) -> list[bool]:
        """For each output: does its loss want the logits that its last activation would hide?"""
        assert self._objective is not None
        count = len(self._objective.names)
        links = self.model.link_activation
        self._links = links if isinstance(links, list) else [links] * count
        own = type(self.model).compute_loss is not Model.compute_loss
        if links is None or own or self._skips_a_call() or len(self._links) != count:
            self._links = [None] * count
        wanted = [None if loss is None else loss.logits_for for loss in self._objective.losses]
        return [
            link is not None and want is not None and getattr(link, "link", None) == want
            for link, want in zip(self._links, wanted, strict=True)
        ]

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

    # The step

    def step(self, data: Any) -> None:
        """Make one optimizer step; losses and metrics go into their running sums."""
        if self._run_step == self._step:
            self._step(data)
            return
        try:
            with torch._dynamo.config.patch(trace_autograd_ops=True):  # lets autograd.grad into the graph
                self._run_step(data)
        except torch._dynamo.exc.TorchDynamoException as error:
            self.evaluate(data)  # a mistake in the data or in a layer comes out as itself
            reason = str(error).strip().partition("\n")[0]
            raise StateError(
                f'jit_compile=True: torch cannot compile the step of "{self.model.name}": {reason}\n'
                "  compile(..., jit_compile=False) trains without a compiler. This step changed nothing."
            ) from error

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
            self._check_labels(y)
            values = list(leaves(self.model.logits(x)))
            watched = self._objective.watched  # a head that no metric looks at needs no activation
            outputs = [
                v if link is None or (fused and not seen) else link(v)
                for v, link, fused, seen in zip(values, self._links, self._fused, watched, strict=True)
            ]
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
        if self._losses is None:
            penalties = self.model.losses
            if not penalties:
                raise StateError(
                    f'"{self.model.name}" needs a loss: compile(loss="mse"), or a layer that calls self.add_loss.'
                )
            return torch.stack(penalties).sum()
        outputs = list(leaves(y_pred))
        objective = self._objective or self._match(y_pred)
        self._check_labels(y)
        plain = [False] * len(outputs)
        return self._with_penalties(objective.loss(y, outputs, sample_weight, plain, _count(outputs)))

    def _check_labels(self, y: Any) -> None:
        if y is None:
            raise StateError(
                f'"{self.model.name}" was compiled with a loss, which needs labels: fit(x, y).\n'
                "  Leave the loss out where a layer's self.add_loss is all there is."
            )

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


def has_own_step(model: Model, mode: str) -> bool:
    """Return whether `train_step` or `test_step`, whichever `mode` names, was overridden."""
    name = f"{mode}_step"
    return getattr(type(model), name) is not getattr(Model, name) or name in model.__dict__


def unpack(data: Any) -> tuple[Any, Any, Any]:
    """Return x, y and sample_weight of a batch, None for what it lacks."""
    parts = list(data) if isinstance(data, (tuple, list)) else [data]
    x, y, weight, *_ = parts + [None] * 3
    return x, y, weight


def _checked_weights(weights: Any) -> Any:
    for weight in leaves(weights):
        if weight is not None and not isinstance(weight, (Real, Tensor)):
            raise ArgumentTypeError(f"compile(loss_weights={weights!r}): expected numbers, got {weight!r}.")
    return weights


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
