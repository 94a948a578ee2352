"""Cross-entropy of yes-or-no labels, as a loss."""

from torch import Tensor
from torch.nn import functional

from corekit import Loss, Values, example
from corekit.config import epsilon
from corekit_objectives import fused
from corekit_objectives.matching import match
from corekit_objectives.probabilities import check_smoothing


def binary_crossentropy(
    y_true: Tensor, y_pred: Tensor, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Tensor:
    """Cross-entropy of probabilities and yes-or-no labels.

    loss = mean(-t * log(p) - (1 - t) * log(1 - p));   p is y_pred, kept within [epsilon, 1 - epsilon]

    t is y_true, drawn towards 0.5 by s = `label_smoothing`: t = y_true * (1 - s) + 0.5 * s.

    Shape: y_true and y_pred (batch, ..., n) -> (batch, ...).

    Args:
        y_true: labels, 0 or 1, or probabilities.
        y_pred: probabilities, or logits.
        from_logits: whether y_pred are logits; then p is their sigmoid, and the sum is steady at any size.
        label_smoothing: s, from 0 to 1.
        axis: the axis of the mean.

    Raises:
        ShapeError: the shapes differ by more than a last axis of 1.

    Example:
        >>> import torch
        >>> binary_crossentropy(torch.tensor([[1, 0]]), torch.tensor([[0.5, 0.5]]))
        tensor([0.6931])

    Reference: https://keras.io/api/losses/probabilistic_losses/#binary_crossentropy-function
    """
    y_true, y_pred = match("binary_crossentropy", y_true, y_pred)
    if label_smoothing:
        y_true = y_true * (1 - label_smoothing) + 0.5 * label_smoothing
    if from_logits:
        return functional.binary_cross_entropy_with_logits(y_pred, y_true, reduction="none").mean(axis)
    p = y_pred.clamp(epsilon(), 1 - epsilon())
    return -(y_true * p.log() + (1 - y_true) * (1 - p).log()).mean(axis)


@example(Values((3,), low=0.05, high=0.95), Values((3,), low=0.05, high=0.95))
@example(Values((3,), high=2, dtype="int64"), Values((3,), low=0.05, high=0.95), label_smoothing=0.1)
@example(Values((2, 3), high=2, dtype="int64"), Values((2, 3), low=-3, high=3), from_logits=True)
class BinaryCrossentropy(Loss):
    """Cross-entropy of probabilities and yes-or-no labels: the loss of a sigmoid head.

    loss = mean(-t * log(p) - (1 - t) * log(1 - p));   p is y_pred, kept within [epsilon, 1 - epsilon]

    t is y_true, drawn towards 0.5 by s = `label_smoothing`: t = y_true * (1 - s) + 0.5 * s. A model that ends in a
    sigmoid is trained on its logits, without the sigmoid: the same loss, steady at any size.

    Shape: y_true and y_pred (batch, ..., n) -> ().

    Args:
        from_logits: whether y_pred are logits.
        label_smoothing: s, from 0 to 1.
        axis: the axis of the mean.
        reduction: what becomes of the values, one per sample: "sum_over_batch_size", "sum", "none".
        name: how logs call it.
        dtype: to compute in; default the predictions' own, at least float32.

    Raises:
        ArgumentError: label_smoothing is no number from 0 to 1.

    Example:
        >>> import torch
        >>> BinaryCrossentropy()(torch.tensor([1, 0]), torch.tensor([[0.5], [0.5]]))
        tensor(0.6931)

    Reference: https://keras.io/api/losses/probabilistic_losses/#binarycrossentropy-class
    """

    logits_for: str | None = "sigmoid"

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "binary_crossentropy",
        dtype: str | None = None,
    ) -> None:
        super().__init__(reduction=reduction, name=name, dtype=dtype)
        self.from_logits = from_logits
        self.label_smoothing = check_smoothing("BinaryCrossentropy", label_smoothing)
        self.axis = axis
        if from_logits:
            self.logits_for = None  # they are logits already: no sigmoid to leave out

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return one value per sample."""
        return binary_crossentropy(y_true, y_pred, self.from_logits, self.label_smoothing, self.axis)

    def call_on_logits(self, y_true: Tensor, logits: Tensor) -> Tensor:
        """Return one value per sample from what would go into the sigmoid."""
        return binary_crossentropy(y_true, logits, True, self.label_smoothing, self.axis)

    def __call__(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None, *, on_logits: bool = False
    ) -> Tensor:
        """Return the loss of a batch."""
        if sample_weight is None and (on_logits or self.from_logits):
            total = fused.binary(self, y_true, y_pred)
            if total is not None:
                return total
        return super().__call__(y_true, y_pred, sample_weight, on_logits=on_logits)
