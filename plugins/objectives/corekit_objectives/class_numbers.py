"""Labels that are class numbers: their shape, and which of them count."""

import torch
from torch import Tensor

from corekit.errors import ShapeError


def class_numbers(where: str, y_true: Tensor, y_pred: Tensor, axis: int = -1) -> Tensor:
    """Return labels as whole numbers, in the shape of the predictions without their axis of classes.

    Args:
        where: the caller, for the error.
        y_true: labels of any numeric dtype.
        y_pred: predictions.
        axis: the axis of the classes.

    Raises:
        ShapeError: they are one-hot, or of another shape.

    Example:
        >>> class_numbers("accuracy", torch.tensor([[2.0], [0.0]]), torch.zeros(2, 3))
        tensor([2, 0])
    """
    labels = y_true
    if type(labels) is not Tensor or labels.dtype != torch.int64 or labels.device != y_pred.device:
        labels = torch.as_tensor(y_true, device=y_pred.device).long()
    if labels.ndim == y_pred.ndim and labels.ndim and labels.shape[axis] == 1:
        labels = labels.squeeze(axis)
    if axis == -1 and labels.shape == y_pred.shape[:-1]:
        return labels
    expected = list(y_pred.shape)
    del expected[axis]
    if list(labels.shape) == expected:
        return labels
    got = f"{where}: y_true has shape {tuple(labels.shape)} and y_pred {tuple(y_pred.shape)}"
    if labels.shape == y_pred.shape:
        raise ShapeError(
            f"{got}; these labels are one-hot, and class numbers were expected.\n"
            f"  Write  {where.removeprefix('sparse_')},  or convert the labels:  y_true.argmax(-1)"
        )
    raise ShapeError(f"{got}; expected labels of shape {tuple(expected)}.\n  Give one class number for each row.")


def counted(y_true: Tensor, y_pred: Tensor, ignore_class: int, axis: int = -1) -> Tensor:
    """Return which labels count, as true and false.

    Example:
        >>> counted(torch.tensor([1, -1]), torch.zeros(2, 3), ignore_class=-1)
        tensor([ True, False])
    """
    return class_numbers("ignore_class", y_true, y_pred, axis) != ignore_class


def mask_weight(counts: Tensor, sample_weight: Tensor | None) -> Tensor:
    """Return sample weights (1 where there are none) that are 0 for the labels that do not count; their dtype stays.

    Example:
        >>> mask_weight(torch.tensor([[True, False]]), torch.tensor([0.5]))
        tensor([[0.5000, 0.0000]])
    """
    if sample_weight is None:
        return counts
    weight = torch.as_tensor(sample_weight, device=counts.device)
    if weight.ndim == counts.ndim + 1 and weight.shape[-1] == 1:
        weight = weight.squeeze(-1)
    return counts * weight.reshape(weight.shape + (1,) * (counts.ndim - weight.ndim))
