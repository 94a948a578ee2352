"""How the checks of metrics make one, show it batches and ask for its result."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from corekit.testing.case import Case, leaves
from corekit.testing.kit import fail
from corekit.training.objective import FunctionMetric

BATCHES = (1, 4, 2)
"""How many samples come one after the other."""


def made(case: Case, **more: Any) -> Any:
    """Return the metric, with state in float64 unless said otherwise; a function becomes one, as `compile` does it."""
    if not isinstance(case.subject.value, type):
        metric = FunctionMetric(functools.partial(case.subject.value, **case.arguments))
        return metric.to(getattr(torch, more.get("dtype", "float64")))
    more = {"dtype": "float64", **more}
    try:
        return case.make(**more)
    except TypeError as error:
        given = ", ".join(f"{name}={value!r}" for name, value in more.items())
        fail(
            case,
            on=f"made with {given}",
            expected="a metric: every one takes this",
            got=f"TypeError: {error}",
            fix="Take name=None and dtype=None in __init__ and hand them to super().__init__(name=name, dtype=dtype).",
        )


def inputs(case: Case, dtype: torch.dtype = torch.float64, *, batch: int = 5, seed: int = 1) -> tuple[Tensor, ...]:
    """Return what an update takes: labels and predictions, or values alone."""
    return case.inputs(dtype, batch=batch, seed=seed)


def rows(every: tuple[Tensor, ...], start: int, end: int) -> tuple[Tensor, ...]:
    """Return some samples of a batch."""
    return tuple(tensor[start:end] for tensor in every)


def batches(case: Case) -> list[tuple[Tensor, ...]]:
    """Return the samples of one large batch as batches of unequal sizes."""
    every, found, start = inputs(case, batch=sum(BATCHES)), [], 0
    for size in BATCHES:
        found.append(rows(every, start, start + size))
        start += size
    return found


def update(metric: Any, batch: Iterable[Tensor], weight: Tensor | None = None) -> None:
    """Show a batch."""
    if weight is None:
        metric.update_state(*batch)
    else:
        metric.update_state(*batch, sample_weight=weight)


def result(metric: Any, *, clone: bool = True) -> list[Tensor]:
    """Return what it measures so far, as tensors of their own unless `clone` is False."""
    given = metric.result()
    found = leaves(given) or [torch.as_tensor(given)]
    return [tensor.detach().clone() for tensor in found] if clone else found


def measured(case: Case, every: Iterable[Iterable[Tensor]]) -> list[Tensor]:
    """Return what a new metric measures over batches."""
    metric = made(case)
    for batch in every:
        update(metric, batch)
    return result(metric)
