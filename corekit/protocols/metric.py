"""A metric: running state on the device, read when somebody looks."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from corekit.errors import ArgumentTypeError
from corekit.protocols.configurable import Configurable
from corekit.protocols.creation import create
from corekit.protocols.dtype import as_dtype
from corekit.protocols.loss import snake_case, weight_like
from corekit.protocols.tracing import is_traced


class Metric(Configurable, nn.Module):
    """Write `update_state`, `result` and `reset_state`; or only `call(y_true, y_pred)`, whose values are averaged.

    State is made with `add_variable` and is a buffer: it moves with `.to(device)` and is part of `state_dict`. An
    update must not read it on the host (no `.item()`, no `if state > 0`): training never waits for a metric.

    Shape of `call`: y_true (batch, ...), y_pred (batch, ...) -> (batch, ...), one value per sample.

    Args:
        name: how logs call it; default the class's name in snake case.
        dtype: of the state; default `floatx`.

    Example:
        >>> class Bias(Metric):
        ...     def call(self, y_true, y_pred):
        ...         return (y_pred - y_true).mean(dim=-1)
        >>> metric = Bias()
        >>> metric.update_state(torch.zeros(4, 1), torch.ones(4, 1))
        >>> metric.result()
        tensor(1.)

    Reference: https://keras.io/api/metrics/base_metric/
    """

    sees_order_only = False
    """Whether the order of the predictions along their last axis is all that counts, as for how often the likeliest
    class is right. A model that ends in a softmax is then measured by its logits, which training has already. Not
    inherited: a subclass that looks at the values must not be shown others."""

    total: Tensor
    count: Tensor

    def __init__(self, name: str | None = None, dtype: str | torch.dtype | None = None) -> None:
        super().__init__()
        self.name = name or snake_case(type(self).__name__)
        self.dtype = as_dtype(dtype)
        self._initial: dict[str, Tensor | None] = {}  # None: zeros
        if type(self).update_state is Metric.update_state:
            self.total = self.add_variable(name="total")
            self.count = self.add_variable(name="count")

    def add_variable(
        self,
        shape: tuple[int, ...] = (),
        initializer: Any = "zeros",
        dtype: str | torch.dtype | None = None,
        name: str | None = None,
    ) -> Tensor:
        """Add a state tensor, zero at first unless `initializer` says otherwise; `reset_state` brings that back."""
        if isinstance(shape, str):
            raise ArgumentTypeError(
                f'{type(self).__name__}.add_variable("{shape}"): the first argument is the shape. '
                f'Write add_variable(name="{shape}", shape=()).'
            )
        kind = self.dtype if dtype is None else as_dtype(dtype)
        if initializer == "zeros":  # the common case needs no plugin
            value = torch.zeros(shape, dtype=kind)
        else:
            value = create("initializers", initializer)(shape, dtype=kind)
        name = name or f"variable_{len(self._buffers)}"
        self.register_buffer(name, value)
        self._initial[name] = None if initializer == "zeros" else value.detach().clone()
        return value

    def add_weight(
        self,
        shape: tuple[int, ...] = (),
        initializer: Any = "zeros",
        dtype: str | torch.dtype | None = None,
        name: str | None = None,
    ) -> Tensor:
        """Keras's other name for `add_variable`."""
        return self.add_variable(shape, initializer, dtype, name)

    @property
    def variables(self) -> list[Tensor]:
        """The state tensors."""
        return list(self.buffers())

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return one value per sample; the metric is their mean."""
        raise ArgumentTypeError(
            f"{type(self).__name__} has neither call nor update_state.\n"
            "  Write  def call(self, y_true, y_pred): return <one value per sample>  and the mean is kept for you."
        )

    def update_state(self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None) -> None:
        """Take a batch into account."""
        if type(y_true) is not Tensor or type(y_pred) is not Tensor:
            y_true, y_pred = torch.as_tensor(y_true), torch.as_tensor(y_pred)
        self.add_to_mean(self.call(y_true, y_pred), sample_weight)

    def add_to_mean(self, values: Tensor, sample_weight: Tensor | None = None) -> None:
        """Take one value per sample into `total` and `count`; axes after the first are averaged away."""
        held: Any = self._buffers  # torch looks self.total up in Python, at the cost of a small sum
        total: Tensor = held["total"]
        if values.dtype == torch.bool and sample_weight is None and values.ndim == 1 and values.device == total.device:
            self.add_sums(values.count_nonzero(), values.shape[0])  # one by one they need not become numbers
            return
        values = values.detach().to(total)
        if sample_weight is None:
            self.add_sums(_per_sample(values).sum(), values.shape[0] if values.ndim else 1)
        else:
            weight = weight_like(values, sample_weight)
            self.add_sums(_per_sample(values * weight).sum(), _per_sample(weight.expand_as(values)).sum())

    def add_sums(self, total: Tensor, count: Tensor | float) -> None:
        """Take the sum of so many values into account, in `total` and `count`, on whose device tensors must be."""
        held: Any = self._buffers
        running: list[Tensor] = [held["total"], held["count"]]
        if not is_traced():
            running[0].add_(total)
            if isinstance(count, Tensor):
                running[1].add_(count)
            else:
                self.add_to_count(count)
            return
        # By foreach, because torch 2.13 drops `total += x` on a 0-d float64 CPU tensor from compiled code.
        counted = count.to(running[1]) if isinstance(count, Tensor) else torch.full_like(running[1], count)
        torch._foreach_add_(running, [total.to(running[0]), counted])

    def add_to_count(self, number: float) -> None:
        """Add a number to `count`; in its own memory where the CPU has that, in 0.3 us rather than 1.7.

        Not for where `is_traced`: no tracer would see it.
        """
        held: Any = self._buffers
        count: Tensor = held["count"]
        known = self.__dict__.get("_counter")
        if known is None or known[0] is not count or known[1] != count.data_ptr():
            if not (type(count) is Tensor and count.is_cpu and count.dtype in (torch.float32, torch.float64)):
                count.add_(number)
                return
            host: Any = count.numpy()
            view: Any = memoryview(host)
            known = self.__dict__["_counter"] = (count, count.data_ptr(), view)
        known[2][()] += number

    def __getstate__(self) -> dict[str, Any]:
        """Leave the view of the count's memory behind: a copy has its own."""
        return {key: value for key, value in self.__dict__.items() if key != "_counter"}

    def result(self) -> Tensor:
        """Return the metric so far, a 0-d tensor; 0 before the first batch."""
        return torch.where(self.count != 0, self.total / self.count, 0.0)

    def reset_state(self) -> None:
        """Forget every batch."""
        for name, initial in self._initial.items():
            state = getattr(self, name)
            if initial is None:
                state.zero_()
            else:
                state.copy_(initial)

    def forward(self, *args: Any, **kwargs: Any) -> Tensor:
        """Update and return the result, as calling a Keras metric does."""
        with torch.no_grad():
            tensors: list[Any] = [arg if arg is None else torch.as_tensor(arg) for arg in args]
            self.update_state(*tensors, **kwargs)
            return self.result()

    def extra_repr(self) -> str:
        """Return the name."""
        return f"name={self.name}"


def _per_sample(values: Tensor) -> Tensor:
    return values.flatten(1).mean(1) if values.ndim > 1 else values
