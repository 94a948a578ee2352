"""What the cross-entropies share: logarithms of probabilities, and checks."""

from numbers import Real

from torch import Tensor

from corekit.config import epsilon
from corekit.errors import ArgumentError, ShapeError


def log_probabilities(y_pred: Tensor, from_logits: bool, axis: int) -> Tensor:
    """Return the logarithms of class probabilities.

    From probabilities: log(p / sum(p)), where p / sum(p) is kept within [epsilon, 1 - epsilon]; they need not sum to 1.

    Shape: any -> the same.

    Example:
        >>> import torch
        >>> log_probabilities(torch.tensor([1.0, 3.0]), from_logits=False, axis=-1).exp()
        tensor([0.2500, 0.7500])
    """
    if from_logits:
        return y_pred.log_softmax(axis)
    p = y_pred / y_pred.sum(axis, keepdim=True)
    return p.clamp(epsilon(), 1 - epsilon()).log()


def check_smoothing(where: str, label_smoothing: float) -> float:
    """Return `label_smoothing`, or raise where it is no number from 0 to 1."""
    if not isinstance(label_smoothing, Real) or not 0 <= float(label_smoothing) <= 1:
        raise ArgumentError(
            f"{where}(label_smoothing={label_smoothing!r}): expected a number from 0 to 1, such as 0.1."
        )
    return float(label_smoothing)


def check_classes(where: str, y_pred: Tensor, axis: int) -> None:
    """Raise where predictions have no axis of classes, or one class in it.

    Raises:
        ShapeError: the softmax of one class is always 1, so nothing could be learnt.
    """
    if not y_pred.ndim or y_pred.shape[axis] == 1:
        raise ShapeError(
            f"{where}: y_pred has shape {tuple(y_pred.shape)}, and two classes or more were expected.\n"
            "  For yes or no in one number write  binary_crossentropy  after a sigmoid; else give Dense more units."
        )
