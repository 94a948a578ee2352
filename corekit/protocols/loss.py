"""A loss: one number per sample from labels and predictions, and how the numbers become one."""

from __future__ import annotations

import functools
from abc import abstractmethod

import torch
from torch import Tensor

from corekit.errors import ArgumentError, ShapeError
from corekit.protocols.configurable import Configurable
from corekit.protocols.dtype import as_dtype

REDUCTIONS = ("sum_over_batch_size", "mean", "mean_with_sample_weight", "sum", "none", None)


class Loss(Configurable):
    """Write `call(y_true, y_pred)`, one value per sample; weighting and reduction come from here.

    Shape: y_true (batch, ...), y_pred (batch, ...) -> (batch, ...) without the last axis.

    A loss that is steadier on logits says so: `logits_for = "softmax"` (or "sigmoid") and a method
    `call_on_logits(y_true, logits)`. Where the model ends in an activation whose `link` is that word, training skips
    the activation and calls the method instead.

    Args:
        reduction: "sum_over_batch_size" (the sum of the weighted values over their count, Keras's default),
            "mean" (the same), "mean_with_sample_weight" (over the sum of the weights), "sum", or "none".
        name: how logs call it; default the class's name in snake case.
        dtype: to compute in; default the predictions' own, but float32 where that is half precision.

    Example:
        >>> class Quartic(Loss):
        ...     def call(self, y_true, y_pred):
        ...         return ((y_true - y_pred) ** 4).mean(dim=-1)
        >>> Quartic()(torch.zeros(2, 1), torch.ones(2, 1))
        tensor(1.)

    Reference: https://keras.io/api/losses/#base-loss-api
    """

    logits_for: str | None = None

    def __init__(
        self,
        *,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: str | torch.dtype | None = None,
    ) -> None:
        if reduction not in REDUCTIONS:
            raise ArgumentError(
                f'{type(self).__name__}(reduction="{reduction}"): expected "sum_over_batch_size", "sum" or "none".'
            )
        self.reduction = reduction
        self.dtype = None if dtype is None else as_dtype(dtype)
        self.name = name or snake_case(type(self).__name__)

    @abstractmethod
    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return one value per sample."""

    def call_on_logits(self, y_true: Tensor, logits: Tensor) -> Tensor:
        """Return one value per sample from logits; a loss with `logits_for` has this."""
        raise ArgumentError(f"{type(self).__name__} says logits_for={self.logits_for!r} but has no call_on_logits.")

    def __call__(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None, *, on_logits: bool = False
    ) -> Tensor:
        """Return the loss of a batch: a 0-d tensor, or one value per sample with reduction="none"."""
        y_pred = torch.as_tensor(y_pred)
        dtype = self.dtype or torch.promote_types(y_pred.dtype, torch.float32)
        if y_pred.dtype != dtype:
            y_pred = y_pred.to(dtype)
        y_true = torch.as_tensor(y_true, device=y_pred.device)
        if y_true.is_floating_point():  # class numbers stay whole numbers
            y_true = y_true.to(y_pred.dtype)
        values = self.call_on_logits(y_true, y_pred) if on_logits else self.call(y_true, y_pred)
        return reduce_values(values, sample_weight, self.reduction)


def reduce_values(values: Tensor, sample_weight: Tensor | None, reduction: str | None) -> Tensor:
    """Weight per-sample values and reduce them.

    Shape: values (batch, ...), sample_weight (batch,) or values' shape -> () or values' shape.

    Example:
        >>> reduce_values(torch.tensor([1.0, 3.0]), torch.tensor([1.0, 0.0]), "sum_over_batch_size")
        tensor(0.5000)
    """
    counted: Tensor | int = values.numel()
    if sample_weight is not None:
        weight = weight_like(values, sample_weight)
        values = values * weight
        if reduction == "mean_with_sample_weight":
            counted = weight.expand_as(values).sum()
    if reduction in ("none", None):
        return values
    if reduction == "sum" or values.numel() == 0:
        return values.sum()
    if isinstance(counted, int):
        return values.mean()
    return torch.where(counted != 0, values.sum() / counted, 0.0)


def weight_like(values: Tensor, sample_weight: Tensor) -> Tensor:
    """Return the weights with as many axes as the values, so that the two multiply sample by sample.

    Shape: values (batch, ...), sample_weight (batch,), (batch, 1) or values' shape -> (batch, 1, ...) or values' shape.

    Raises:
        ShapeError: the weights are not one per sample, nor one per value.

    Example:
        >>> weight_like(torch.ones(2, 3), torch.tensor([1.0, 0.5])).shape
        torch.Size([2, 1])
    """
    weight = torch.as_tensor(sample_weight, dtype=values.dtype, device=values.device)
    if weight.ndim == values.ndim + 1 and weight.shape[-1] == 1:
        weight = weight.squeeze(-1)
    unlike = any(w not in (1, v) for w, v in zip(weight.shape, values.shape, strict=False))
    if values.ndim and (weight.ndim > values.ndim or unlike):
        raise ShapeError(
            f"sample_weight has shape {tuple(weight.shape)}, but there are values of shape {tuple(values.shape)}.\n"
            f"  Give one weight per sample: shape ({values.shape[0]},)."
        )
    return weight.reshape(weight.shape + (1,) * (values.ndim - weight.ndim))


@functools.cache  # every layer asks, and classes are few
def snake_case(name: str) -> str:
    """Return a class's name as Keras writes it in logs and layer names.

    Example:
        >>> snake_case("MeanSquaredError"), snake_case("LSTM"), snake_case("Conv2D")
        ('mean_squared_error', 'lstm', 'conv2d')
    """
    words = ""
    for before, letter, after in zip(" " + name, name, name[1:] + " ", strict=False):
        starts = letter.isupper() and (before.islower() or (before.isupper() and after.islower()))
        words += ("_" if starts else "") + letter.lower()
    return words.lstrip("_")
