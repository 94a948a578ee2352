"""How often a yes-or-no prediction is right, as a metric."""

import torch
from torch import Tensor

from corekit import Metric, Values, config, example
from corekit_objectives.matching import match


def binary_accuracy(y_true: Tensor, y_pred: Tensor, threshold: float = 0.5) -> Tensor:
    """Tell for each prediction whether it is on its label's side of the threshold.

    Shape: y_true and y_pred (batch, ...) -> (batch, ...), 1 where right, else 0.

    Args:
        y_true: labels, 0 or 1.
        y_pred: probabilities.
        threshold: predictions above it mean 1.

    Raises:
        ShapeError: the shapes differ by more than a last axis of 1.

    Example:
        >>> binary_accuracy(torch.tensor([1, 0]), torch.tensor([0.9, 0.6]))
        tensor([1., 0.])

    Reference: https://keras.io/api/metrics/accuracy_metrics/#binaryaccuracy-class
    """
    y_true, y_pred = match("binary_accuracy", y_true, y_pred)
    return ((y_pred > threshold) == y_true).to(getattr(torch, config.floatx()))


@example(Values((3,), high=2, dtype="int64"), Values((3,), low=0.05, high=0.95))
@example(Values((3,), high=2, dtype="int64"), Values((3,), low=0.05, high=0.95), threshold=0.3)
class BinaryAccuracy(Metric):
    """Share of the yes-or-no predictions that are on their label's side of the threshold.

    Args:
        name: how logs call it.
        dtype: of its state.
        threshold: predictions above it mean 1.

    Example:
        >>> metric = BinaryAccuracy()
        >>> metric(torch.tensor([1, 0, 0, 1]), torch.tensor([0.9, 0.6, 0.2, 0.7]))
        tensor(0.7500)

    Reference: https://keras.io/api/metrics/accuracy_metrics/#binaryaccuracy-class
    """

    def __init__(self, name: str | None = "binary_accuracy", dtype: str | None = None, threshold: float = 0.5) -> None:
        super().__init__(name=name, dtype=dtype)
        self.threshold = threshold

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return 1 where right, else 0."""
        return binary_accuracy(y_true, y_pred, self.threshold)
