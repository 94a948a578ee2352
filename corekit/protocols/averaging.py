"""Moving averages of the weights themselves, which often do better than the last weights (Keras's `use_ema`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor

from corekit.protocols.accumulation import keep


class Averages:
    """The moving averages of an optimizer's weights.

    average = m * average + (1 - m) * weight        m = momentum, but 0 as long as no update was done before

    Reference: https://keras.io/api/optimizers/; Polyak & Juditsky 1992, "Acceleration of stochastic approximation by
    averaging".
    """

    def __init__(self) -> None:
        self._sets: list[tuple[Tensor, list[Tensor], list[Tensor]]] = []  # step count, averages, weights

    def prepare(
        self,
        params: Sequence[Tensor],
        known: dict[Tensor, dict[str, Tensor]],
        step_on: Callable[[torch.device], Tensor],
    ) -> None:
        """Take the averages in `known` (parameter -> state), or make them there: `known[param]["average"]`."""
        sets: dict[tuple[torch.device, torch.dtype], tuple[Tensor, list[Tensor], list[Tensor]]] = {}
        for param in params:
            key = (param.device, param.dtype)
            _, averages, weights = sets.setdefault(key, (step_on(param.device), [], []))
            averages.append(keep(param, known[param], "average", param.detach()))
            weights.append(param)
        self._sets = list(sets.values())

    def update(self, *, before: int, is_readable: bool, momentum: float, overwrite_frequency: int | None) -> None:
        """Take the weights into their averages.

        Args:
            before: how much less than the step count were the updates before this pass: 1 or 0.
            is_readable: whether step counts on the CPU may be read.
            momentum: m, from 0 to 1.
            overwrite_frequency: after every so many updates the weights become their averages; None for never.
        """
        for step, averages, weights in self._sets:
            if is_readable and step.is_cpu:
                done = step.item() - before
                torch._foreach_lerp_(averages, weights, 1 - momentum if done else 1.0)
                if overwrite_frequency and (done + 1) % overwrite_frequency == 0:
                    torch._foreach_copy_(weights, averages)
            else:
                update_unread(averages, weights, step - before, momentum, overwrite_frequency)


def update_unread(
    averages: list[Tensor], weights: list[Tensor], done: Tensor, momentum: float, overwrite_frequency: int | None
) -> None:
    """Take the weights into their averages after `done` updates, a 0-d tensor that is not read.

    Example:
        >>> average = [torch.zeros(1)]
        >>> update_unread(average, [torch.ones(1)], torch.tensor(0.0), 0.9, None)
        >>> update_unread(average, [torch.zeros(1)], torch.tensor(1.0), 0.9, None)
        >>> average
        [tensor([0.9000])]
    """
    kept, dtype = momentum * (done > 0).to(done.dtype), weights[0].dtype
    torch._foreach_mul_(averages, kept.to(dtype))
    torch._foreach_add_(averages, torch._foreach_mul(weights, (1 - kept).to(dtype)))
    if overwrite_frequency:
        due = (done + 1) % overwrite_frequency == 0
        torch._foreach_copy_(weights, [torch.where(due, *pair) for pair in zip(averages, weights, strict=True)])


def overwrite(weights: Iterable[Tensor], known: dict[Tensor, dict[str, Tensor]]) -> None:
    """Put the averages in `known` (parameter -> state) in the place of the weights that have one."""
    for weight in weights:
        average = known.get(weight, {}).get("average")
        if average is not None:
            weight.copy_(average)
