"""How often the likeliest class is the one-hot label's, as a metric."""

import torch
from torch import Tensor

from corekit import Metric, Values, config, example
from corekit_objectives.matching import alike, match


def categorical_accuracy(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Tell for each row whether its largest prediction is where its largest label is.

    Shape: y_true and y_pred (batch, ..., n) -> (batch, ...), 1 where right, else 0.

    Raises:
        ShapeError: the shapes differ; for class numbers there is sparse_categorical_accuracy.

    Example:
        >>> categorical_accuracy(torch.tensor([[0, 1], [0, 1]]), torch.tensor([[0.2, 0.8], [0.6, 0.4]]))
        tensor([1., 0.])

    Reference: https://keras.io/api/metrics/accuracy_metrics/#categoricalaccuracy-class
    """
    return categorical_hits(y_true, y_pred).to(getattr(torch, config.floatx()))


def categorical_hits(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Return `categorical_accuracy` as true and false.

    Example:
        >>> categorical_hits(torch.tensor([[0, 1], [0, 1]]), torch.tensor([[0.2, 0.8], [0.6, 0.4]]))
        tensor([ True, False])
    """
    if not alike(y_true, y_pred) or y_true.dtype == torch.bool:  # which argmax does not take
        y_true, y_pred = match("categorical_accuracy", y_true, y_pred)
    return y_true.argmax(-1) == y_pred.argmax(-1)


@example(Values((3,), low=0), Values((3,), low=0))
@example(Values((2, 3), low=0), Values((2, 3), low=0))
class CategoricalAccuracy(Metric):
    """Share of the rows whose largest prediction is where their one-hot label is.

    Args:
        name: how logs call it.
        dtype: of its state.

    Example:
        >>> metric = CategoricalAccuracy()
        >>> metric(torch.tensor([[0, 1], [0, 1]]), torch.tensor([[0.2, 0.8], [0.6, 0.4]]))
        tensor(0.5000)

    Reference: https://keras.io/api/metrics/accuracy_metrics/#categoricalaccuracy-class
    """

    sees_order_only = True

    def __init__(self, name: str | None = "categorical_accuracy", dtype: str | None = None) -> None:
        super().__init__(name=name, dtype=dtype)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return whether each is right."""
        return categorical_hits(y_true, y_pred)
