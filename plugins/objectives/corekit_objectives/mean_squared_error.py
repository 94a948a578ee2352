"""The mean of squared differences, as a loss."""

from torch import Tensor
from torch.nn import functional

from corekit import Loss, example
from corekit_objectives.matching import match


def mean_squared_error(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Mean of the squared differences.

    loss = mean((y_true - y_pred)^2)

    Shape: y_true and y_pred (batch, ..., n) -> (batch, ...).

    Raises:
        ShapeError: the shapes differ by more than a last axis of 1.

    Example:
        >>> import torch
        >>> mean_squared_error(torch.tensor([[0.0, 1.0]]), torch.tensor([[2.0, 1.0]]))
        tensor([2.])

    Reference: https://keras.io/api/losses/regression_losses/#mean_squared_error-function
    """
    y_true, y_pred = match("mean_squared_error", y_true, y_pred)
    return functional.mse_loss(y_pred, y_true, reduction="none").mean(-1)


@example((3,), (3,))
@example((2, 3), (2, 3))
class MeanSquaredError(Loss):
    """Mean of the squared differences: the usual loss for numbers.

    loss = mean((y_true - y_pred)^2)

    Shape: y_true and y_pred (batch, ..., n) -> ().

    Args:
        reduction: what becomes of the values, one per sample: "sum_over_batch_size", "sum", "none".
        name: how logs call it.
        dtype: to compute in; default the predictions' own, at least float32.

    Example:
        >>> import torch
        >>> MeanSquaredError()(torch.tensor([1.0, 2.0]), torch.tensor([[1.0], [4.0]]))
        tensor(2.)

    Reference: https://keras.io/api/losses/regression_losses/#meansquarederror-class
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "mean_squared_error",
        dtype: str | None = None,
    ) -> None:
        super().__init__(reduction=reduction, name=name, dtype=dtype)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return one value per sample."""
        return mean_squared_error(y_true, y_pred)
