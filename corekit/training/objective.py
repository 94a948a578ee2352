"""Losses and metrics of a model, matched with its outputs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from corekit.errors import ArgumentError, ArgumentTypeError, CorekitError, ShapeError
from corekit.model.naming import free_name
from corekit.protocols.creation import create, named
from corekit.protocols.loss import Loss
from corekit.protocols.metric import Metric
from corekit.protocols.tracing import is_traced
from corekit.protocols.tree import leaves


class FunctionLoss(Loss):
    """A function of (y_true, y_pred) as a loss."""

    def __init__(self, function: Callable[..., Tensor]) -> None:
        super().__init__(name=getattr(function, "__name__", "loss"))
        self.function = function

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return what the function gives."""
        return self.function(_ranked_as(y_pred, y_true), y_pred)


class TorchLoss(Loss):
    """A torch loss module, which takes (input, target): the other way round."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__(name=type(module).__name__)
        self.module = module

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return what the module gives."""
        return self.module(y_pred, _ranked_as(y_pred, y_true))  # type: ignore[no-any-return]  # modules are untyped


class FunctionMetric(Metric):
    """A function of (y_true, y_pred) as a metric: the mean of its values."""

    def __init__(self, function: Callable[..., Tensor], name: str | None = None) -> None:
        super().__init__(name=name or getattr(function, "__name__", "metric"))
        self.function = function

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return what the function gives."""
        return self.function(_ranked_as(y_pred, y_true), y_pred)


class Average(Metric):
    """The mean of a loss over the samples seen."""

    def __init__(self, name: str) -> None:
        super().__init__(name=name)
        self.total = self.add_variable(name="total")
        self.count = self.add_variable(name="count")

    def update_state(self, value: Tensor, samples: Any = 1, sample_weight: Tensor | None = None) -> None:
        """Take the mean `value` of so many `samples` into account."""
        value = value.detach()
        if is_traced():
            self.add_sums(value * samples, samples)
            return
        held: Any = self._buffers
        held["total"].add_(value, alpha=samples)  # the same in one operation less
        self.add_to_count(samples)

    def result(self) -> Tensor:
        """Return the mean so far."""
        return self.total / self.count.clamp(min=1)


def _ranked_as(y_pred: Tensor, y_true: Tensor) -> Tensor:
    """Return labels with or without a last axis of 1, as predictions have it: (n,) and (n, 1) would make (n, n)."""
    if y_true.ndim + 1 == y_pred.ndim and y_pred.shape[-1] == 1:
        return y_true.unsqueeze(-1)
    return y_true.squeeze(-1) if y_true.ndim == y_pred.ndim + 1 and y_true.shape[-1] == 1 else y_true


def as_loss(spec: Any) -> Loss | None:
    """Return a Loss from what users give: a name, a config, a Loss, a torch module, a function."""
    if isinstance(spec, type) and issubclass(spec, nn.Module):
        spec = spec()
    if isinstance(spec, nn.Module):
        return TorchLoss(spec)
    made = create("losses", spec)
    return made if made is None or isinstance(made, Loss) else FunctionLoss(made)


def as_metric(spec: Any) -> Metric:
    """Return a Metric from what users give; one made from a name is called that name in the logs."""
    if isinstance(spec, str):
        found = named("metrics", spec)
        label = spec if ":" not in spec else None
        if isinstance(found, type):
            made: Metric = found(name=label) if label else found()
            return made
        return FunctionMetric(found, label)
    made = create("metrics", spec)
    if isinstance(made, Metric):
        return made
    if not callable(made):
        raise ArgumentTypeError(f"metrics: got {spec!r}; expected names, Metrics or functions of (y_true, y_pred).")
    return FunctionMetric(made)


def convert(structure: Any, function: Callable[[Any], Any], kind: str) -> Any:
    """Apply `function` to each value of a list or dict by output; a config dict counts as a value.

    Raises:
        ArgumentTypeError: a number where a part is due.
    """
    if isinstance(structure, dict) and not {"id", "class_name"} & structure.keys():
        return {key: convert(value, function, kind) for key, value in structure.items()}
    if isinstance(structure, (list, tuple)):
        return [convert(value, function, kind) for value in structure]
    if isinstance(structure, (int, float)):
        raise ArgumentTypeError(f'compile({kind}={structure!r}): expected a name such as "mse", or an object.')
    return function(structure)


def by_output(structure: Any, names: list[str], kind: str) -> list[Any]:
    """Return one value for each output from a value for all, a list, or a dict by name.

    Raises:
        ArgumentError: their number or a name does not fit the model's outputs.
    """
    if isinstance(structure, dict):
        unknown = [key for key in structure if key not in names]
        if unknown:
            raise ArgumentError(f"{kind}: the model has no output {unknown[0]!r}. Its outputs: {', '.join(names)}.")
        return [structure.get(name) for name in names]
    if isinstance(structure, (list, tuple)):
        if len(structure) != len(names):
            raise ArgumentError(
                f"{kind}: got {len(structure)} for {len(names)} outputs ({', '.join(names)}). Give one for each, "
                "None for an output without."
            )
        return list(structure)
    return [structure] * len(names)


class Objective:
    """The losses and metrics of a model once its outputs are known.

    Args:
        names: of the outputs.
        losses: one Loss or None for each output.
        weights: a number for each output.
        metrics: a list of metrics for each output.
        weighted: the same, of metrics that take sample weights into account.
    """

    def __init__(
        self,
        names: list[str],
        losses: list[Loss | None],
        weights: list[float],
        metrics: list[list[Metric]],
        weighted: list[list[Metric]],
    ) -> None:
        self.names, self.losses, self.weights = names, losses, weights
        self._metrics, self._weighted = metrics, weighted
        self.trackers = [Average(f"{name}_loss") for name in names] if len(names) > 1 else []
        if len(names) > 1:
            for name, group in zip(names, (a + b for a, b in zip(metrics, weighted, strict=True)), strict=True):
                for metric in group:
                    metric.name = f"{name}_{metric.name.removeprefix(f'{name}_')}"  # it may come from another compile
        self.seen = [_seen_by([*own, *other]) for own, other in zip(metrics, weighted, strict=True)]
        taken = ["loss"]
        for metric in self.metrics:
            metric.name = free_name(metric.name, taken)
            taken.append(metric.name)

    @property
    def metrics(self) -> list[Metric]:
        """All metrics, the losses of single outputs first."""
        groups = zip(self._metrics, self._weighted, strict=True)
        trackers = [t for t, loss in zip(self.trackers, self.losses, strict=False) if loss is not None]
        return [*trackers, *(metric for own, weighted in groups for metric in [*own, *weighted])]

    def loss(self, y: Any, outputs: list[Tensor], weights: Any, fused: list[bool], samples: int) -> Tensor:
        """Return the weighted sum of the outputs' losses, a 0-d tensor."""
        total: Tensor | None = None
        for index, (loss, target, weight) in enumerate(self._matched(y, weights)):
            if loss is None:
                continue
            try:
                value = loss(target, outputs[index], weight, on_logits=fused[index])
            except CorekitError as error:
                raise ShapeError(f'the loss of output "{self.names[index]}": {error}') from error
            except (RuntimeError, ValueError, IndexError) as error:
                if isinstance(error, torch.OutOfMemoryError):
                    raise
                raise ShapeError(
                    f'the loss "{loss.name}" of output "{self.names[index]}" cannot compare labels of shape '
                    f"{tuple(target.shape)} with predictions of shape {tuple(outputs[index].shape)}: {error}"
                ) from error
            if value.ndim:
                raise ArgumentError(
                    f'the loss "{loss.name}" gave {value.numel()} values (reduction={loss.reduction!r}), and training '
                    'needs one. Write reduction="sum_over_batch_size".'
                )
            if self.trackers:
                with torch.no_grad():
                    self.trackers[index].update_state(value, samples)
            value = value if self.weights[index] == 1 else value * self.weights[index]
            total = value if total is None else total + value
        if total is None:
            raise ArgumentError('no loss was given:  model.compile(loss="mse"), or call self.add_loss in a layer.')
        return total

    def update_metrics(self, y: Any, outputs: list[Tensor], weights: Any) -> None:
        """Let every metric see a batch."""
        for index, (_, target, weight) in enumerate(self._matched(y, weights)):
            for metric in self._metrics[index]:
                metric.update_state(target, outputs[index])
            for metric in self._weighted[index]:
                metric.update_state(target, outputs[index], weight)

    def _matched(self, y: Any, weights: Any) -> Iterable[tuple[Loss | None, Any, Any]]:
        """Return loss, labels and sample weights of each output."""
        if len(self.names) == 1 and isinstance(y, Tensor) and (weights is None or isinstance(weights, Tensor)):
            return ((self.losses[0], y, weights),)  # nearly every model, at every step
        return self._matched_by_name(y, weights)

    def _matched_by_name(self, y: Any, weights: Any) -> Iterator[tuple[Loss | None, Any, Any]]:
        targets = self._in_order(y, "y")
        shared = isinstance(weights, Tensor)
        each = [weights] * len(targets) if shared or weights is None else self._in_order(weights, "sample_weight")
        for index, (loss, target) in enumerate(zip(self.losses, targets, strict=True)):
            if target is None and (loss is not None or self._metrics[index] or self._weighted[index]):
                raise ArgumentError(
                    f'y has no labels for output "{self.names[index]}", and its loss or metrics need them.'
                )
        yield from zip(self.losses, targets, each, strict=True)

    def _in_order(self, values: Any, what: str) -> list[Any]:
        if isinstance(values, dict):
            return by_output(values, self.names, what)
        found = list(leaves(values))
        lossy = [index for index, loss in enumerate(self.losses) if loss is not None]
        if what == "y" and len(found) == len(lossy):  # labels only where there is a loss
            given = dict(zip(lossy, found, strict=True))
            return [given.get(index) for index in range(len(self.names))]
        if len(found) != len(self.names):
            raise ArgumentError(f"{what}: got {len(found)} for {len(self.names)} outputs ({', '.join(self.names)}).")
        return found


def _seen_by(metrics: list[Metric]) -> str:
    """Return what metrics see of an output: its "values", only the "order" of its classes, or "nothing"."""
    if not metrics:
        return "nothing"
    return "order" if all(vars(type(metric)).get("sees_order_only") for metric in metrics) else "values"


def output_names(outputs: Any, known: list[str]) -> list[str]:
    """Return one name for each output: the model's own, a dict's keys, or output_1, output_2 ..."""
    if isinstance(outputs, dict):
        return list(outputs)
    count = len(list(leaves(outputs)))
    return known if len(known) == count else [f"output_{number + 1}" for number in range(count)]
