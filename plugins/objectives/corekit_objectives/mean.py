"""The mean and the sum of values as they come, as metrics."""

import torch
from torch import Tensor

from corekit import Metric, example


@example(())
@example((3,))
class Mean(Metric):
    """Mean of all values so far, weighted if asked.

    Shape: values (), (batch,) or (batch, ...), where the axes after the first are averaged; sample_weight (batch,).

    Args:
        name: how logs call it.
        dtype: of its state.

    Example:
        >>> metric = Mean()
        >>> metric.update_state([1.0, 3.0, 5.0, 7.0], sample_weight=[1, 1, 0, 0])
        >>> metric.result()
        tensor(2.)

    Reference: https://keras.io/api/metrics/reduction_metrics/#mean-class
    """

    def __init__(self, name: str | None = "mean", dtype: str | None = None) -> None:
        super().__init__(name=name, dtype=dtype)
        self.total = self.add_variable(name="total")
        self.count = self.add_variable(name="count")

    def update_state(self, values: Tensor, sample_weight: Tensor | None = None) -> None:  # type: ignore[override]  # no y
        """Take values into account."""
        self.add_to_mean(torch.as_tensor(values), sample_weight)


@example(())
@example((3,))
class Sum(Metric):
    """Sum of all values so far, weighted if asked.

    Shape: values (), (batch,) or (batch, ...); sample_weight (batch,) or values' shape.

    Args:
        name: how logs call it.
        dtype: of its state.

    Example:
        >>> metric = Sum()
        >>> metric.update_state([1.0, 3.0, 5.0, 7.0], sample_weight=[1, 1, 0, 0])
        >>> metric.result()
        tensor(4.)

    Reference: https://keras.io/api/metrics/reduction_metrics/#sum-class
    """

    def __init__(self, name: str | None = "sum", dtype: str | None = None) -> None:
        super().__init__(name=name, dtype=dtype)
        self.total = self.add_variable(name="total")

    def update_state(self, values: Tensor, sample_weight: Tensor | None = None) -> None:  # type: ignore[override]  # no y
        """Take values into account."""
        values = torch.as_tensor(values).detach().to(self.total)
        if sample_weight is not None:
            weight = torch.as_tensor(sample_weight).to(self.total)
            if weight.ndim == values.ndim + 1:
                weight = weight.squeeze(-1)
            values = values * weight.reshape(weight.shape + (1,) * (values.ndim - weight.ndim))
        torch._foreach_add_([self.total], [values.sum()])  # torch 2.13 drops `total += x` in float64 from compiled code

    def result(self) -> Tensor:
        """Return the sum so far, a 0-d tensor of its own."""
        return self.total.clone()
