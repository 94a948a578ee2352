"""How far predicted probabilities are from true ones, as a loss."""

from torch import Tensor

from corekit import Loss, Values, example
from corekit.config import epsilon
from corekit_objectives.matching import match


def kl_divergence(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Kullback-Leibler divergence of predictions from true probabilities.

    loss = sum(t * log(t / p));   t and p are y_true and y_pred, kept within [epsilon, 1]

    Shape: y_true and y_pred (batch, ..., n) -> (batch, ...).

    Raises:
        ShapeError: the shapes differ by more than a last axis of 1.

    Example:
        >>> import torch
        >>> kl_divergence(torch.tensor([[0.5, 0.5]]), torch.tensor([[0.25, 0.75]]))
        tensor([0.1438])

    Reference: https://keras.io/api/losses/probabilistic_losses/#kl_divergence-function
    """
    y_true, y_pred = match("kl_divergence", y_true, y_pred)
    y_true, y_pred = y_true.clamp(epsilon(), 1), y_pred.clamp(epsilon(), 1)
    return (y_true * (y_true / y_pred).log()).sum(-1)


@example(Values((3,), low=0.1, high=0.9), Values((3,), low=0.05, high=0.95))
class KLDivergence(Loss):
    """Kullback-Leibler divergence of predictions from true probabilities.

    loss = sum(t * log(t / p));   t and p are y_true and y_pred, kept within [epsilon, 1]

    Shape: y_true and y_pred (batch, ..., n) -> ().

    Args:
        reduction: what becomes of the values, one per sample: "sum_over_batch_size", "sum", "none".
        name: how logs call it.
        dtype: to compute in; default the predictions' own, at least float32.

    Example:
        >>> import torch
        >>> KLDivergence()(torch.tensor([[0.5, 0.5]]), torch.tensor([[0.25, 0.75]]))
        tensor(0.1438)

    Reference: https://keras.io/api/losses/probabilistic_losses/#kldivergence-class
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "kl_divergence",
        dtype: str | None = None,
    ) -> None:
        super().__init__(reduction=reduction, name=name, dtype=dtype)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return one value per sample."""
        return kl_divergence(y_true, y_pred)
