"""How often the label is among the k likeliest classes, as metrics for one-hot labels and for class numbers."""

import torch
from torch import Tensor

from corekit import Metric, Values, config, example
from corekit.errors import ArgumentError
from corekit_objectives.class_numbers import class_numbers
from corekit_objectives.matching import match


def top_k_categorical_accuracy(y_true: Tensor, y_pred: Tensor, k: int = 5) -> Tensor:
    """Tell for each row whether its one-hot label is among the k largest predictions.

    Shape: y_true and y_pred (batch, ..., n) -> (batch, ...), 1 where right, else 0.

    Args:
        y_true: one-hot labels.
        y_pred: probabilities or scores.
        k: how many predictions count; ties with the last of them count too.

    Raises:
        ShapeError: the shapes differ.

    Example:
        >>> top_k_categorical_accuracy(torch.tensor([[0, 0, 1]]), torch.tensor([[0.1, 0.7, 0.2]]), k=2)
        tensor([1.])

    Reference: https://keras.io/api/metrics/accuracy_metrics/#topkcategoricalaccuracy-class
    """
    y_true, y_pred = match("top_k_categorical_accuracy", y_true, y_pred)
    return sparse_top_k_categorical_accuracy(y_true.argmax(-1), y_pred, k)


def sparse_top_k_categorical_accuracy(
    y_true: Tensor, y_pred: Tensor, k: int = 5, from_sorted_ids: bool = False
) -> Tensor:
    """Tell for each row whether its class number is among the k largest predictions.

    Shape: y_true (batch, ...) or (batch, ..., 1), y_pred (batch, ..., n) -> (batch, ...), 1 where right, else 0.

    Args:
        y_true: class numbers.
        y_pred: probabilities or scores; or class numbers, likeliest first.
        k: how many predictions count; ties with the last of them count too.
        from_sorted_ids: whether y_pred holds class numbers.

    Raises:
        ShapeError: y_true is one-hot, or of another shape.

    Example:
        >>> sparse_top_k_categorical_accuracy(torch.tensor([2]), torch.tensor([[0.1, 0.7, 0.2]]), k=2)
        tensor([1.])

    Reference: https://keras.io/api/metrics/accuracy_metrics/#sparsetopkcategoricalaccuracy-class
    """
    y_pred = torch.as_tensor(y_pred)
    labels = class_numbers("sparse_top_k_categorical_accuracy", y_true, y_pred).unsqueeze(-1)
    if from_sorted_ids:
        found = (y_pred[..., :k] == labels).any(-1)
    else:
        least = y_pred.topk(min(k, y_pred.shape[-1])).values[..., -1]
        found = y_pred.gather(-1, labels).squeeze(-1) >= least
    return found.to(getattr(torch, config.floatx()))


@example(Values((6,), low=0), Values((6,), low=0), k=2)
class TopKCategoricalAccuracy(Metric):
    """Share of the rows whose one-hot label is among the k largest predictions.

    Args:
        k: how many predictions count, 1 or more; ties with the last of them count too.
        name: how logs call it.
        dtype: of its state.

    Raises:
        ArgumentError: k is no whole number from 1.

    Example:
        >>> metric = TopKCategoricalAccuracy(k=2)
        >>> metric(torch.tensor([[0, 0, 1], [1, 0, 0]]), torch.tensor([[0.1, 0.7, 0.2], [0.1, 0.7, 0.2]]))
        tensor(0.5000)

    Reference: https://keras.io/api/metrics/accuracy_metrics/#topkcategoricalaccuracy-class
    """

    def __init__(self, k: int = 5, name: str | None = "top_k_categorical_accuracy", dtype: str | None = None) -> None:
        super().__init__(name=name, dtype=dtype)
        self.k = _checked("TopKCategoricalAccuracy", k)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return 1 where right, else 0."""
        return top_k_categorical_accuracy(y_true, y_pred, self.k)


@example(Values((), high=6, dtype="int64"), Values((6,), low=0), k=2)
@example(Values((), high=6, dtype="int64"), Values((6,), high=6, dtype="int64"), k=2, from_sorted_ids=True)
class SparseTopKCategoricalAccuracy(Metric):
    """Share of the rows whose class number is among the k largest predictions.

    Args:
        k: how many predictions count, 1 or more; ties with the last of them count too.
        name: how logs call it.
        dtype: of its state.
        from_sorted_ids: whether predictions are class numbers, likeliest first, rather than scores.

    Raises:
        ArgumentError: k is no whole number from 1.

    Example:
        >>> metric = SparseTopKCategoricalAccuracy(k=2)
        >>> metric(torch.tensor([2, 0]), torch.tensor([[0.1, 0.7, 0.2], [0.1, 0.7, 0.2]]))
        tensor(0.5000)

    Reference: https://keras.io/api/metrics/accuracy_metrics/#sparsetopkcategoricalaccuracy-class
    """

    def __init__(
        self,
        k: int = 5,
        name: str | None = "sparse_top_k_categorical_accuracy",
        dtype: str | None = None,
        from_sorted_ids: bool = False,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.k = _checked("SparseTopKCategoricalAccuracy", k)
        self.from_sorted_ids = from_sorted_ids

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return 1 where right, else 0."""
        return sparse_top_k_categorical_accuracy(y_true, y_pred, self.k, self.from_sorted_ids)


def _checked(where: str, k: int) -> int:
    if isinstance(k, bool) or not isinstance(k, int) or k < 1:
        raise ArgumentError(f"{where}(k={k!r}): expected a whole number from 1, such as 5.")
    return k
