"""How often the likeliest class is the label's number, as a metric."""

import torch
from torch import Tensor

from corekit import Metric, Values, config, example
from corekit_objectives.class_numbers import class_numbers


def sparse_categorical_accuracy(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Tell for each row whether its largest prediction is where its label says.

    Shape: y_true (batch, ...) or (batch, ..., 1), y_pred (batch, ..., n) -> (batch, ...), 1 where right, else 0.

    Raises:
        ShapeError: y_true is one-hot; for that there is categorical_accuracy.

    Example:
        >>> sparse_categorical_accuracy(torch.tensor([1, 1]), torch.tensor([[0.2, 0.8], [0.6, 0.4]]))
        tensor([1., 0.])

    Reference: https://keras.io/api/metrics/accuracy_metrics/#sparsecategoricalaccuracy-class
    """
    return sparse_categorical_hits(y_true, y_pred).to(getattr(torch, config.floatx()))


def sparse_categorical_hits(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Return `sparse_categorical_accuracy` as true and false.

    Example:
        >>> sparse_categorical_hits(torch.tensor([1, 1]), torch.tensor([[0.2, 0.8], [0.6, 0.4]]))
        tensor([ True, False])
    """
    y_pred = torch.as_tensor(y_pred)
    return class_numbers("sparse_categorical_accuracy", y_true, y_pred) == y_pred.argmax(-1)


@example(Values((), high=3, dtype="int64"), Values((3,), low=0))
@example(Values((2,), high=3, dtype="int64"), Values((2, 3), low=0))
class SparseCategoricalAccuracy(Metric):
    """Share of the rows whose largest prediction is where their label's number says.

    Args:
        name: how logs call it.
        dtype: of its state.

    Example:
        >>> metric = SparseCategoricalAccuracy()
        >>> metric(torch.tensor([1, 1]), torch.tensor([[0.2, 0.8], [0.6, 0.4]]))
        tensor(0.5000)

    Reference: https://keras.io/api/metrics/accuracy_metrics/#sparsecategoricalaccuracy-class
    """

    sees_order_only = True

    def __init__(self, name: str | None = "sparse_categorical_accuracy", dtype: str | None = None) -> None:
        super().__init__(name=name, dtype=dtype)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return whether each is right."""
        return sparse_categorical_hits(y_true, y_pred)
