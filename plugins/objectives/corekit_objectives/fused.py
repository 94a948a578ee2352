"""Cross-entropies of a whole batch in a call or two of torch's own, where that gives Keras's number.

The general way makes one value per sample, so that weights and every reduction work; on a small batch its handful of
small operations costs more than the arithmetic. Both ways agree, which a test shows.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

REDUCTIONS = {"sum_over_batch_size": "mean", "mean": "mean", "mean_with_sample_weight": "mean", "sum": "sum"}
"""Ours without sample weights -> torch's."""

NO_CLASS = -(2**62)  # for torch, whose own default would let a label of -100 pass in silence


def rows_of_logits(loss: Any, y_pred: Any) -> bool:
    """Return whether predictions are a batch of rows, at least float32, that the loss computes in as they are."""
    return (
        type(y_pred) is Tensor
        and y_pred.dim() == 2
        and y_pred.dtype in (torch.float32, torch.float64)
        and loss.dtype in (None, y_pred.dtype)
        and loss.reduction in REDUCTIONS
        and y_pred.numel() > 0
    )


def categorical(loss: Any, y_true: Any, logits: Any) -> Tensor | None:
    """Return `CategoricalCrossentropy` of one-hot rows; None where the general way must do it."""
    if not rows_of_logits(loss, logits) or loss.axis not in (-1, 1) or logits.shape[1] == 1:
        return None
    if type(y_true) is not Tensor or y_true.shape != logits.shape or y_true.device != logits.device:
        return None
    if y_true.dtype != logits.dtype:
        y_true = y_true.to(logits.dtype)
    if loss.label_smoothing:
        y_true = y_true * (1 - loss.label_smoothing) + loss.label_smoothing / logits.shape[1]
    # What functional.cross_entropy does, in two operations less, of which one is in the backward pass.
    share = 1.0 if loss.reduction == "sum" else 1 / logits.shape[0]
    total: Tensor = (torch.log_softmax(logits, 1) * y_true).sum() * -share
    return total


def sparse(loss: Any, y_true: Any, logits: Any) -> Tensor | None:
    """Return `SparseCategoricalCrossentropy` of class numbers; None where the general way must do it."""
    if not rows_of_logits(loss, logits) or loss.axis not in (-1, 1) or logits.shape[1] == 1:
        return None
    if type(y_true) is not Tensor or y_true.numel() != logits.shape[0] or y_true.device != logits.device:
        return None
    try:
        labels = (y_true if y_true.dim() == 1 else y_true.reshape(-1)).long()
        return functional.cross_entropy(logits, labels, reduction=REDUCTIONS[loss.reduction], ignore_index=NO_CLASS)
    except IndexError:
        return None  # a label that is no class: the general way says which


def binary(loss: Any, y_true: Any, logits: Any) -> Tensor | None:
    """Return `BinaryCrossentropy` of yes-or-no labels; None where the general way must do it."""
    if not rows_of_logits(loss, logits) or (loss.reduction == "sum" and logits.shape[1] > 1):
        return None
    if type(y_true) is not Tensor or y_true.device != logits.device:
        return None
    if y_true.dim() == 1 and logits.shape[1] == 1:
        y_true = y_true.unsqueeze(-1)
    if y_true.shape != logits.shape:
        return None
    y_true = y_true.to(logits.dtype)
    if loss.label_smoothing:
        y_true = y_true * (1 - loss.label_smoothing) + 0.5 * loss.label_smoothing
    return functional.binary_cross_entropy_with_logits(logits, y_true, reduction=REDUCTIONS[loss.reduction])
