"""How the checks of losses make one, call it and derive it."""

from __future__ import annotations

import functools
import types
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from corekit.protocols.loss import Loss
from corekit.testing.case import BATCH, Case
from corekit.testing.kit import Skip, fail
from corekit.training.objective import FunctionLoss, TorchLoss


def made(case: Case, *, reduction: str | None = None) -> Any:
    """Return the loss, made into a `corekit.Loss` where it is a function or a torch loss, as `compile` does it."""
    value = case.subject.value
    if isinstance(value, (types.FunctionType, types.BuiltinFunctionType)):
        loss: Any = FunctionLoss(functools.partial(value, **case.arguments))
    elif issubclass(value, nn.Module):
        loss = TorchLoss(value(**{"reduction": "none", **case.arguments}))
        loss.module.register_forward_hook(_as_one_per_sample)
    else:
        try:
            return case.make(**({} if reduction is None else {"reduction": reduction}))
        except TypeError as error:
            fail(
                case,
                on=f'made with reduction="{reduction}"',
                expected="a loss: every one takes this",
                got=f"TypeError: {error}",
                fix="Take **kwargs (reduction, name, dtype) in __init__ and hand them to super().__init__.",
            )
    loss.reduction = reduction or loss.reduction
    return loss


def corekit_only(case: Case, what: str) -> None:
    """Skip for a function and for torch's own kind of loss."""
    value = case.subject.value
    if not (isinstance(value, type) and issubclass(value, Loss)):
        raise Skip(f"{what} comes with corekit.Loss, and this is none")


def labels_and_predictions(
    case: Case, dtype: torch.dtype = torch.float64, *, batch: int = BATCH, seed: int = 1
) -> tuple[Tensor, Tensor]:
    """Return y_true and y_pred as the example has them."""
    if len(case.example.inputs) != 2:
        fail(
            case,
            on="its example",
            expected="two shapes, of y_true and y_pred",
            got=len(case.example.inputs),
            fix="Write  @ck.example((3,), (3,)).",
        )
    y_true, y_pred = case.inputs(dtype, batch=batch, seed=seed)
    return y_true, y_pred


def per_sample(case: Case, y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Return what the loss gives without a reduction."""
    values: Tensor = made(case, reduction="none")(y_true, y_pred)
    return values


def with_gradient(function: Callable[[Tensor], Tensor], y_pred: Tensor) -> tuple[Tensor, Tensor]:
    """Return a loss and its gradient by the predictions."""
    leaf = y_pred.detach().clone().requires_grad_()
    value = function(leaf)
    (grad,) = torch.autograd.grad(value.sum(), [leaf])
    return value.detach(), grad


def _as_one_per_sample(module: nn.Module, inputs: Any, output: Tensor) -> Tensor:
    """Average what torch's losses give per element over all axes but the first."""
    return output.flatten(1).mean(1) if output.ndim > 1 else output
