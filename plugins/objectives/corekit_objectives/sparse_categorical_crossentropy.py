"""Cross-entropy of class numbers, as a loss."""

import torch
from torch import Tensor
from torch.nn import functional

from corekit import Loss, Values, example
from corekit.errors import ShapeError
from corekit_objectives import fused
from corekit_objectives.class_numbers import class_numbers, counted, mask_weight
from corekit_objectives.matching import as_float
from corekit_objectives.probabilities import check_classes, log_probabilities


def sparse_categorical_crossentropy(
    y_true: Tensor,
    y_pred: Tensor,
    from_logits: bool = False,
    ignore_class: int | None = None,
    axis: int = -1,
) -> Tensor:
    """Cross-entropy of class probabilities and class numbers.

    loss = -log(p[y_true]);   p is y_pred / sum(y_pred), kept within [epsilon, 1 - epsilon]

    Shape: y_true (batch, ...) or (batch, ..., 1), y_pred (batch, ..., n) -> (batch, ...).

    Args:
        y_true: class numbers from 0 to n - 1, of any numeric dtype.
        y_pred: probabilities, or logits.
        from_logits: whether y_pred are logits; then p is their softmax, and the sum is steady at any size.
        ignore_class: a number in y_true that counts for nothing: its loss is 0.
        axis: the axis of the classes.

    Raises:
        ShapeError: y_true is one-hot, of another shape, or (on a CPU, outside of a compiler) holds a number that is
            no class. On CUDA torch ends with a device-side assert then.

    Example:
        >>> sparse_categorical_crossentropy(torch.tensor([1, 0]), torch.tensor([[0.5, 0.5], [0.25, 0.75]]))
        tensor([0.6931, 1.3863])

    Reference: https://keras.io/api/losses/probabilistic_losses/#sparse_categorical_crossentropy-function
    """
    y_pred = as_float(y_pred)
    check_classes("sparse_categorical_crossentropy", y_pred, axis)
    labels = class_numbers("sparse_categorical_crossentropy", y_true, y_pred, axis)
    log_p = log_probabilities(y_pred, from_logits, axis).movedim(axis, -1)
    rows, numbers = log_p.reshape(-1, log_p.shape[-1]), labels.reshape(-1)
    ignored = fused.NO_CLASS if ignore_class is None else ignore_class
    try:
        values = functional.nll_loss(rows, numbers, reduction="none", ignore_index=ignored)
    except IndexError as error:
        raise ShapeError(
            f"sparse_categorical_crossentropy: y_true goes from {int(numbers.min())} to {int(numbers.max())}, but "
            f"y_pred has {rows.shape[-1]} classes, which are numbered from 0 to {rows.shape[-1] - 1}.\n"
            f"  Count the labels from 0, or give the model's last layer {int(numbers.max()) + 1} units."
        ) from error
    return values.reshape(labels.shape)


@example(Values((), high=3, dtype="int64"), Values((3,), low=0.05, high=0.95))
@example(Values((2,), high=3, dtype="int64"), Values((2, 3), low=-3, high=3), from_logits=True)
@example(Values((), high=3, dtype="int64"), Values((3,), low=0.05, high=0.95), ignore_class=1)
class SparseCategoricalCrossentropy(Loss):
    """Cross-entropy of class probabilities and class numbers: the loss of a softmax head.

    loss = -log(p[y_true]);   p is y_pred / sum(y_pred), kept within [epsilon, 1 - epsilon]

    A model that ends in a softmax is trained on its logits, without the softmax: the same loss, steady at any size.

    Shape: y_true (batch, ...) or (batch, ..., 1), y_pred (batch, ..., n) -> ().

    Args:
        from_logits: whether y_pred are logits.
        ignore_class: a number in y_true that counts for nothing; the mean is over the others.
        reduction: what becomes of the values, one per sample: "sum_over_batch_size", "sum", "none".
        axis: the axis of the classes.
        name: how logs call it.
        dtype: to compute in; default the predictions' own, at least float32.

    Example:
        >>> loss = SparseCategoricalCrossentropy(ignore_class=-1)
        >>> loss(torch.tensor([1, -1]), torch.tensor([[0.5, 0.5], [0.25, 0.75]]))
        tensor(0.6931)

    Reference: https://keras.io/api/losses/probabilistic_losses/#sparsecategoricalcrossentropy-class
    """

    logits_for: str | None = "softmax"

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        reduction: str | None = "sum_over_batch_size",
        axis: int = -1,
        name: str | None = "sparse_categorical_crossentropy",
        dtype: str | None = None,
    ) -> None:
        super().__init__(reduction=reduction, name=name, dtype=dtype)
        self.from_logits = from_logits
        self.ignore_class = ignore_class
        self.axis = axis
        if from_logits or axis != -1:
            self.logits_for = None  # they are logits already, or the softmax went along another axis

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return one value per sample."""
        return sparse_categorical_crossentropy(y_true, y_pred, self.from_logits, self.ignore_class, self.axis)

    def call_on_logits(self, y_true: Tensor, logits: Tensor) -> Tensor:
        """Return one value per sample from what would go into the softmax."""
        return sparse_categorical_crossentropy(y_true, logits, True, self.ignore_class, self.axis)

    def __call__(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None, *, on_logits: bool = False
    ) -> Tensor:
        """Return the loss of a batch, its mean over the labels that are not ignored."""
        if self.ignore_class is None:
            if sample_weight is None and (on_logits or self.from_logits):
                total = fused.sparse(self, y_true, y_pred)
                if total is not None:
                    return total
            return super().__call__(y_true, y_pred, sample_weight, on_logits=on_logits)
        counts = counted(y_true, torch.as_tensor(y_pred), self.ignore_class, self.axis)
        loss = super().__call__(y_true, y_pred, mask_weight(counts, sample_weight), on_logits=on_logits)
        if self.reduction in ("mean", "sum_over_batch_size"):
            return loss * counts.numel() / counts.sum().clamp(min=1)
        return loss
