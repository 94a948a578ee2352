"""Squares for small differences, straight lines for large ones, as a loss."""

from numbers import Real

from torch import Tensor
from torch.nn import functional

from corekit import Loss, example
from corekit.errors import ArgumentError
from corekit_objectives.matching import match


def huber(y_true: Tensor, y_pred: Tensor, delta: float = 1.0) -> Tensor:
    """Mean of squares near 0 and of straight lines beyond delta.

    loss = mean(0.5 * e^2                       where |e| <= delta
                delta * |e| - 0.5 * delta^2)    elsewhere;   e = y_true - y_pred

    Shape: y_true and y_pred (batch, ..., n) -> (batch, ...).

    Args:
        y_true: labels.
        y_pred: predictions.
        delta: where squares end, more than 0.

    Raises:
        ShapeError: the shapes differ by more than a last axis of 1.

    Example:
        >>> import torch
        >>> huber(torch.tensor([[0.0, 0.0]]), torch.tensor([[1.0, 3.0]]))
        tensor([1.5000])

    Reference: https://keras.io/api/losses/regression_losses/#huber-function; Huber 1964, doi 10.1214/aoms/1177703732.
    """
    y_true, y_pred = match("huber", y_true, y_pred)
    return functional.huber_loss(y_pred, y_true, reduction="none", delta=delta).mean(-1)


@example((3,), (3,))
@example((2, 3), (2, 3), delta=0.2)
class Huber(Loss):
    """Squares near 0 and straight lines beyond delta: for numbers with outliers.

    loss = mean(0.5 * e^2                       where |e| <= delta
                delta * |e| - 0.5 * delta^2)    elsewhere;   e = y_true - y_pred

    Shape: y_true and y_pred (batch, ..., n) -> ().

    Args:
        delta: where squares end, more than 0.
        reduction: what becomes of the values, one per sample: "sum_over_batch_size", "sum", "none".
        name: how logs call it.
        dtype: to compute in; default the predictions' own, at least float32.

    Raises:
        ArgumentError: delta is no number above 0.

    Example:
        >>> import torch
        >>> Huber()(torch.tensor([0.0, 0.0]), torch.tensor([1.0, 3.0]))
        tensor(1.5000)

    Reference: https://keras.io/api/losses/regression_losses/#huber-class; Huber 1964, doi 10.1214/aoms/1177703732.
    """

    def __init__(
        self,
        delta: float = 1.0,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "huber_loss",
        dtype: str | None = None,
    ) -> None:
        super().__init__(reduction=reduction, name=name, dtype=dtype)
        if not isinstance(delta, Real) or not float(delta) > 0:
            raise ArgumentError(f"Huber(delta={delta!r}): expected a number above 0, such as 1.0.")
        self.delta: float = float(delta)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return one value per sample."""
        return huber(y_true, y_pred, self.delta)
