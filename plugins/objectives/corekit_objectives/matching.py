"""Labels and predictions brought to one shape and one dtype, as far as their meaning allows."""

import torch
from torch import Tensor

from corekit.errors import ShapeError


def as_float(y_pred: Tensor) -> Tensor:
    """Return predictions as a tensor of float32, or of float64 where they are that.

    Half precision is too coarse for logarithms near 0 and 1.

    Example:
        >>> as_float([0.5, 1]).dtype, as_float(torch.ones(2, dtype=torch.bfloat16)).dtype
        (torch.float32, torch.float32)
    """
    given = torch.as_tensor(y_pred)
    return given.to(torch.promote_types(given.dtype, torch.float32))


def match(where: str, y_true: Tensor, y_pred: Tensor) -> tuple[Tensor, Tensor]:
    """Return labels and predictions as floating-point tensors of one shape and dtype.

    Where one of them has a last axis of 1 that the other has not, it is added to a one-dimensional partner, else
    taken away.

    Args:
        where: the caller, for the error.
        y_true: labels of any numeric dtype.
        y_pred: predictions.

    Raises:
        ShapeError: the shapes still differ.

    Example:
        >>> y_true, y_pred = match("mean_squared_error", torch.tensor([1, 2]), torch.zeros(2, 1))
        >>> y_true.shape, y_true.dtype
        (torch.Size([2, 1]), torch.float32)
    """
    if alike(y_true, y_pred) and y_true.dtype == y_pred.dtype and y_pred.dtype in (torch.float32, torch.float64):
        return y_true, y_pred
    y_pred = as_float(y_pred)
    y_true = torch.as_tensor(y_true, dtype=y_pred.dtype, device=y_pred.device)
    y_true, y_pred = same_rank(y_true, y_pred)
    if y_true.shape != y_pred.shape:
        raise ShapeError(
            f"{where}: y_true has shape {tuple(y_true.shape)} and y_pred {tuple(y_pred.shape)}; expected one shape.\n"
            f"  {_advice(y_true, y_pred)}"
        )
    return y_true, y_pred


def alike(y_true: object, y_pred: object) -> bool:
    """Return whether the two are tensors of one shape on one device.

    Example:
        >>> alike(torch.ones(2), torch.ones(2)), alike(torch.ones(2), [1, 1])
        (True, False)
    """
    tensors = isinstance(y_true, Tensor) and isinstance(y_pred, Tensor)
    return tensors and y_true.shape == y_pred.shape and y_true.device == y_pred.device  # type: ignore[attr-defined]  # tensors


def same_rank(y_true: Tensor, y_pred: Tensor) -> tuple[Tensor, Tensor]:
    """Return the two with as many axes, where a last axis of 1 is all that tells them apart.

    Example:
        >>> y_true, y_pred = same_rank(torch.zeros(2, 3, 1), torch.zeros(2, 3))
        >>> y_true.shape
        torch.Size([2, 3])
    """
    if y_true.ndim == y_pred.ndim + 1:
        y_pred, y_true = same_rank(y_pred, y_true)
    elif y_pred.ndim == y_true.ndim + 1 and y_pred.shape[-1] == 1:
        if y_true.ndim == 1:
            return y_true.unsqueeze(-1), y_pred
        return y_true, y_pred.squeeze(-1)
    return y_true, y_pred


def _advice(y_true: Tensor, y_pred: Tensor) -> str:
    if y_true.ndim == y_pred.ndim and y_true.shape[:-1] == y_pred.shape[:-1]:
        return f"Give the model's last layer {y_true.shape[-1]} units."
    if y_true.numel() == y_pred.numel():
        return f"Reshape one of them, for example  y_true.reshape({tuple(y_pred.shape)})."
    return "The model's last layer decides the shape of y_pred: Dense(1) gives (batch, 1), Flatten() joins axes."
