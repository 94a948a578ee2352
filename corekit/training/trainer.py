"""What `compile` makes: optimizer, losses and metrics of a model, the step over tensors, the engine that runs it."""

from __future__ import annotations

import functools
from numbers import Real
from typing import Any

import torch
from torch import Tensor

from corekit.errors import ArgumentTypeError, StateError
from corekit.model.model import Model
from corekit.protocols.creation import create
from corekit.protocols.layer import Layer
from corekit.protocols.metric import Metric
from corekit.protocols.optimizer import Optimizer
from corekit.protocols.tree import leaves
from corekit.registry import registry
from corekit.training import device as devices
from corekit.training.engine import memory
from corekit.training.engine.compiled import flat, shapes
from corekit.training.engine.engine import Engine
from corekit.training.objective import Average, Objective, as_loss, as_metric, by_output, convert, output_names
from corekit.training.step import Step, unpack


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
        jit_compile: bool | str = "auto",
        device: Any = None,
    ) -> None:
        self.model = model
        self.given = {
            "loss": loss, "loss_weights": loss_weights, "metrics": metrics, "weighted_metrics": weighted_metrics,
            "jit_compile": jit_compile,
        }  # fmt: skip
        self.device = devices.choose(model, device)
        self.device_was_given = device is not None
        self._losses = convert(loss, as_loss, "loss")
        self._loss_weights = _checked_weights(loss_weights)
        self._metric_specs = convert(metrics or [], as_metric, "metrics")
        self._weighted_specs = convert(weighted_metrics or [], as_metric, "weighted_metrics")
        self.loss_tracker = Average("loss")
        self.objective: Objective | None = None
        self.optimizer = _as_optimizer(optimizer)
        self._engine: Engine | None = None
        self.scales_loss = uses_float16(model)
        self.pass_over = Step(self)
        self._is_announced = False  # to hooks

    def __getstate__(self) -> dict[str, Any]:
        """Leave the engine behind: a copy compiles for itself."""
        return {**self.__dict__, "_engine": None}

    # Getting ready

    @property
    def metrics(self) -> list[Metric]:
        """The metrics behind the logs, the loss's running mean first."""
        ready = [] if self.objective is None else self.objective.metrics
        return [self.loss_tracker, *ready]

    def prepare(self, data: Any, mode: str, left: int | None = None) -> None:
        """Build and place what a batch is needed for: the model, the metrics and, to "train", optimizer and engine.

        Args:
            data: the first batch of a pass.
            mode: "train" or "test".
            left: how many steps the training has still to make, where that is known.
        """
        own_step = has_own_step(self.model, mode)
        if self.objective is None and self._wants_outputs(own_step):
            with torch.no_grad(), self.model._mode(False):
                self.model.clear_losses()
                self._match(self.model(unpack(data)[0]))  # builds a model that was not drawn
        for metric in {*self.metrics, *self.model.metrics}:
            metric.to(self.device)
        if mode == "train" and not self._is_announced:
            self._is_announced = True
            registry.call_hooks("model_built", model=self.model)
        if mode == "train" and self.optimizer is not None:
            self._bind_optimizer(own_step)
        if self.objective is not None:
            self.pass_over.refresh()
            if mode == "train" and self.pass_over.params:
                self._begin(data, left)

    def _wants_outputs(self, own_step: bool) -> bool:
        """Return whether a first call is due; a model whose own step does it all may have no `call` to make."""
        if not own_step:
            return True
        has_call = self.model.graph is not None or type(self.model).call is not Model.call
        compiled = self._losses is not None or self._metric_specs or self._weighted_specs
        return has_call and bool(compiled or not self.model.built)

    def _match(self, outputs: Any) -> None:
        """Match losses and metrics with the model's outputs."""
        names = output_names(outputs, self.model.output_names)
        weights = by_output(self._loss_weights, names, "loss_weights")
        self.objective = Objective(
            names,
            by_output(self._losses, names, "loss"),
            [1.0 if weight is None else weight for weight in weights],
            _metric_lists(self._metric_specs, names, "metrics"),
            _metric_lists(self._weighted_specs, names, "weighted_metrics"),
        )

    def _bind_optimizer(self, own_step: bool) -> None:
        trainable = {name: weight for name, weight in self.model.named_parameters() if weight.requires_grad}
        if not trainable and own_step:
            return
        if not trainable:
            raise StateError(
                f'"{self.model.name}" has no trainable weights, so there is nothing to fit.\n'
                "  Set  layer.trainable = True  where it was set to False, then compile again."
            )
        if not isinstance(self.optimizer, torch.optim.Optimizer):  # a class of torch's kind
            self.optimizer = self.optimizer(trainable.values())
        elif isinstance(self.optimizer, Optimizer) and not self.optimizer.is_bound:
            self.optimizer.bind(trainable.items())
        held = [param for group in self.optimizer.param_groups for param in group["params"]]
        mine = {id(param) for param in self.model.parameters()}
        if not any(id(param) in mine for param in held):
            raise StateError(
                f"{type(self.optimizer).__name__} holds none of the model's parameters: it was made for another model "
                "or before this one was built.\n  Make it anew, or give compile the class."
            )
        self._place_optimizer()
        if isinstance(self.optimizer, Optimizer) and not self.optimizer.state:
            self.optimizer.prepare([param.requires_grad for param in held])

    def _place_optimizer(self) -> None:
        """Bring the optimizer's state and settings to the weights, should these have moved since."""
        state = self.optimizer.state.items()
        if any(v.ndim and v.device != p.device for p, own in state for v in own.values() if isinstance(v, Tensor)):
            self.optimizer.load_state_dict(self.optimizer.state_dict())  # torch's loading moves it
        for group in self.optimizer.param_groups:
            settings = {name: value for name, value in group.items() if isinstance(value, Tensor)}
            for name, value in settings.items() if group["params"] else ():
                group[name] = value.to(group["params"][0].device)

    def _begin(self, data: Any, left: int | None) -> None:
        """Tell the engine that a pass over the data begins."""
        if self._engine is None or self._engine.device != self.device:
            step, optimizer = self.pass_over, self.optimizer
            own, batch = isinstance(optimizer, Optimizer), shapes(flat(data))  # not the data: the engine lives on
            self._engine = Engine(
                {True: step.update, False: step.collect}
                if own and optimizer.gradient_accumulation_steps
                else {True: step.update},
                self._next_kind,
                self.given["jit_compile"],
                device=self.device,
                label=self.model.name,
                probe=step.evaluate,
                before_capture=self._separate_tensors,
                stands_alone=own,
                state=self._state,
                name=lambda: self._name(batch),
            )
        self._engine.begin(left)

    def _next_kind(self) -> bool:
        """Return whether this pass makes an update, and count it."""
        if not isinstance(self.optimizer, Optimizer):
            return True
        is_due = self.optimizer.is_due
        self.optimizer.note_pass()
        return is_due

    def _separate_tensors(self) -> None:
        """Have the optimizer update tensor by tensor: joining small ones is fast eagerly, and slow in a graph."""
        if isinstance(self.optimizer, Optimizer):
            self.optimizer.prepare([param.requires_grad for param in self.pass_over.params], flat=False)

    def _state(self) -> list[Tensor]:
        """Return every tensor that a step reads or changes."""
        held = [value for state in self.optimizer.state.values() for value in state.values()]
        groups = self.optimizer.param_groups
        settings = [value for group in groups for value in group.values() if isinstance(value, Tensor)]
        metrics = [value for metric in self.metrics for value in metric.buffers()]
        return [*self.model.parameters(), *self.model.buffers(), *held, *settings, *metrics]

    def _name(self, batch: list[Any]) -> str:
        """Return what is the same for steps that take the same time, as the name to remember the time by."""
        assert self.objective is not None
        parts = (*self.model.modules(), self.optimizer, *self.objective.losses, *self.metrics)
        kinds = [type(part).__qualname__ for part in parts]
        return memory.signature(kinds, shapes(tuple(self.model.parameters())), batch, self.scales_loss)

    # The step

    def step(self, data: Any) -> None:
        """Make one optimizer step; losses and metrics go into their running sums."""
        assert self._engine is not None
        self._engine.step(data)

    def rest(self) -> None:
        """Let go of the data of a training that is over."""
        if self._engine is not None:
            self._engine.forget_data()

    def evaluate(self, data: Any) -> None:
        """Let losses and metrics see a batch; nothing is trained."""
        self.pass_over.evaluate(data)

    @property
    def step_engine(self) -> str:
        """What runs the training step, and why, in a line."""
        return "eager: no step was made yet" if self._engine is None else self._engine.line

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
        if self.objective is None:
            self._match(y_pred)
            self.pass_over.refresh()
        return self.pass_over.loss(y, outputs, sample_weight, [False] * len(outputs), outputs[0].shape[0])

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


def uses_float16(model: Model) -> bool:
    """Return whether gradients may be lost for being small: a layer computes in float16, its weights in float32."""
    layers = [module for module in model.modules() if isinstance(module, Layer)]
    return any(layer.dtype_policy.name == "mixed_float16" for layer in layers)


def has_own_step(model: Model, mode: str) -> bool:
    """Return whether `train_step` or `test_step`, whichever `mode` names, was overridden."""
    name = f"{mode}_step"
    return getattr(type(model), name) is not getattr(Model, name) or name in model.__dict__


def _checked_weights(weights: Any) -> Any:
    for weight in leaves(weights):
        if weight is not None and not isinstance(weight, (Real, Tensor)):
            raise ArgumentTypeError(f"compile(loss_weights={weights!r}): expected numbers, got {weight!r}.")
    return weights


def _as_optimizer(spec: Any) -> Any:
    """Return an optimizer, or torch's kind of class: that one is made when the parameters exist."""
    found = registry.get("optimizers", spec) if isinstance(spec, str) else spec
    cls = found.func if isinstance(found, functools.partial) else found
    if isinstance(cls, type) and issubclass(cls, torch.optim.Optimizer) and not issubclass(cls, Optimizer):
        return found
    made = found if isinstance(found, torch.optim.Optimizer) else create("optimizers", found)
    if made is None or isinstance(made, torch.optim.Optimizer):
        return made
    raise ArgumentTypeError(
        f'compile(optimizer={spec!r}): expected a name such as "adam", an optimizer, or a torch optimizer class, with '
        "arguments as functools.partial(torch.optim.SGD, lr=0.1)."
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
