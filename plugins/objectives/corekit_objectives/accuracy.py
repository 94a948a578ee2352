"""Accuracy that sees from the shapes what is compared, as a metric."""

from torch import Tensor

from corekit import Metric, Values, example
from corekit_objectives.binary_accuracy import binary_accuracy
from corekit_objectives.categorical_accuracy import categorical_hits
from corekit_objectives.matching import match
from corekit_objectives.sparse_categorical_accuracy import sparse_categorical_hits


@example(Values((), high=3, dtype="int64"), Values((3,), low=0.05, high=0.95))
@example(Values((2, 3), low=0), Values((2, 3), low=0))
@example(Values((), high=2, dtype="int64"), Values((1,), low=0))
class Accuracy(Metric):
    """Share of right predictions, whatever form labels and predictions have.

    What is compared follows from dtype and shapes, as in Keras for the string "accuracy":

    - predictions of whole numbers: equality;
    - predictions with one column, or none: yes or no, as `BinaryAccuracy`;
    - labels with an axis less than predictions, or with one column: class numbers, as `SparseCategoricalAccuracy`;
    - else one-hot labels, as `CategoricalAccuracy`.

    Args:
        name: how logs call it.
        dtype: of its state.

    Raises:
        ShapeError: labels and predictions fit none of these.

    Example:
        >>> import torch
        >>> metric = Accuracy()
        >>> metric(torch.tensor([1, 0]), torch.tensor([[0.2, 0.8], [0.4, 0.6]]))
        tensor(0.5000)

    Reference: https://keras.io/api/metrics/accuracy_metrics/#accuracy-class
    """

    sees_order_only = True  # with one class it is not, and training knows that the order of one says nothing

    def __init__(self, name: str | None = "accuracy", dtype: str | None = None) -> None:
        super().__init__(name=name, dtype=dtype)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return whether each is right; of predictions with one column, 1 or 0."""
        if not y_pred.is_floating_point():
            y_true, y_pred = match("accuracy", y_true, y_pred)
            return y_true == y_pred
        if y_pred.ndim < 2 or y_pred.shape[-1] == 1:
            return binary_accuracy(y_true, y_pred)
        if y_true.ndim < y_pred.ndim or y_true.shape[-1] == 1:
            return sparse_categorical_hits(y_true, y_pred)
        return categorical_hits(y_true, y_pred)
