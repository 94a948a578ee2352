"""Cross-entropy of one-hot labels, as a loss."""

import torch
from torch import Tensor

from corekit import Loss, Values, example
from corekit.errors import ShapeError
from corekit_objectives import fused
from corekit_objectives.matching import as_float
from corekit_objectives.probabilities import check_classes, check_smoothing, log_probabilities


def categorical_crossentropy(
    y_true: Tensor, y_pred: Tensor, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Tensor:
    """Cross-entropy of class probabilities and one-hot labels.

    loss = -sum(t * log(p));   p is y_pred / sum(y_pred), kept within [epsilon, 1 - epsilon]

    t is y_true, drawn towards 1 / n by s = `label_smoothing`: t = y_true * (1 - s) + s / n, n the number of classes.

    Shape: y_true and y_pred (batch, ..., n) -> (batch, ...).

    Args:
        y_true: one-hot labels, or probabilities.
        y_pred: probabilities, or logits.
        from_logits: whether y_pred are logits; then p is their softmax, and the sum is steady at any size.
        label_smoothing: s, from 0 to 1.
        axis: the axis of the classes.

    Raises:
        ShapeError: y_true is not one-hot, or of another number of classes.

    Example:
        >>> categorical_crossentropy(torch.tensor([[0, 1]]), torch.tensor([[0.5, 0.5]]))
        tensor([0.6931])

    Reference: https://keras.io/api/losses/probabilistic_losses/#categorical_crossentropy-function
    """
    y_pred = as_float(y_pred)
    y_true = torch.as_tensor(y_true, device=y_pred.device)
    _check(y_true, y_pred, axis)
    y_true = y_true.to(y_pred.dtype)
    if label_smoothing:
        y_true = y_true * (1 - label_smoothing) + label_smoothing / y_pred.shape[axis]
    return -(y_true * log_probabilities(y_pred, from_logits, axis)).sum(axis)


@example(Values((3,), low=0, high=1), Values((3,), low=0.05, high=0.95))
@example(Values((2, 3), low=0, high=1), Values((2, 3), low=-3, high=3), from_logits=True, label_smoothing=0.1)
class CategoricalCrossentropy(Loss):
    """Cross-entropy of class probabilities and one-hot labels: the loss of a softmax head.

    loss = -sum(t * log(p));   p is y_pred / sum(y_pred), kept within [epsilon, 1 - epsilon]

    t is y_true, drawn towards 1 / n by s = `label_smoothing`: t = y_true * (1 - s) + s / n, n the number of classes.
    A model that ends in a softmax is trained on its logits, without the softmax: the same loss, steady at any size.

    Shape: y_true and y_pred (batch, ..., n) -> ().

    Args:
        from_logits: whether y_pred are logits.
        label_smoothing: s, from 0 to 1.
        axis: the axis of the classes.
        reduction: what becomes of the values, one per sample: "sum_over_batch_size", "sum", "none".
        name: how logs call it.
        dtype: to compute in; default the predictions' own, at least float32.

    Raises:
        ArgumentError: label_smoothing is no number from 0 to 1.

    Example:
        >>> CategoricalCrossentropy()(torch.tensor([[0, 1], [1, 0]]), torch.tensor([[0.5, 0.5], [0.25, 0.75]]))
        tensor(1.0397)

    Reference: https://keras.io/api/losses/probabilistic_losses/#categoricalcrossentropy-class
    """

    logits_for: str | None = "softmax"

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "categorical_crossentropy",
        dtype: str | None = None,
    ) -> None:
        super().__init__(reduction=reduction, name=name, dtype=dtype)
        self.from_logits = from_logits
        self.label_smoothing = check_smoothing("CategoricalCrossentropy", label_smoothing)
        self.axis = axis
        if from_logits or axis != -1:
            self.logits_for = None  # they are logits already, or the softmax went along another axis

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return one value per sample."""
        return categorical_crossentropy(y_true, y_pred, self.from_logits, self.label_smoothing, self.axis)

    def call_on_logits(self, y_true: Tensor, logits: Tensor) -> Tensor:
        """Return one value per sample from what would go into the softmax."""
        return categorical_crossentropy(y_true, logits, True, self.label_smoothing, self.axis)

    def __call__(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None, *, on_logits: bool = False
    ) -> Tensor:
        """Return the loss of a batch."""
        if sample_weight is None and (on_logits or self.from_logits):
            total = fused.categorical(self, y_true, y_pred)
            if total is not None:
                return total
        return super().__call__(y_true, y_pred, sample_weight, on_logits=on_logits)


def _check(y_true: Tensor, y_pred: Tensor, axis: int) -> None:
    check_classes("categorical_crossentropy", y_pred, axis)
    if y_true.shape == y_pred.shape:
        return
    where = f"categorical_crossentropy: y_true has shape {tuple(y_true.shape)} and y_pred {tuple(y_pred.shape)}"
    numbers = y_true.ndim == y_pred.ndim - 1 or (y_true.ndim == y_pred.ndim and y_true.shape[axis] == 1)
    if numbers:
        raise ShapeError(
            f"{where}; these labels are class numbers, and one-hot rows were expected.\n"
            "  Write  sparse_categorical_crossentropy,  or convert the labels:  "
            f"utils.to_categorical(y_true, {y_pred.shape[axis]})"
        )
    raise ShapeError(f"{where}; expected one shape.\n  Give the model's last layer one unit for each class of y_true.")
