"""A learning rate that may rise along a line first, and falls along a cosine."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from corekit import LearningRateSchedule, example
from corekit_optim_basic.count import as_count


@example(initial_learning_rate=0.1, decay_steps=1000)
@example(initial_learning_rate=0.0, decay_steps=900, alpha=0.1, warmup_target=0.1, warmup_steps=100)
class CosineDecay(LearningRateSchedule):
    """Without a warm-up:  rate = initial_learning_rate * ((1 - alpha) * (1 + cos(pi * t / decay_steps)) / 2 + alpha).

    With `warmup_target` the rate goes in a straight line from `initial_learning_rate` to the target in `warmup_steps`
    passes; then it falls from the target as above. t is the number of passes since, at most `decay_steps`.

    Args:
        initial_learning_rate: the rate at first.
        decay_steps: how many passes the fall takes; more than 0.
        alpha: share of the rate that is left at the end.
        name: kept for Keras's sake.
        warmup_target: the highest rate; None for no warm-up.
        warmup_steps: how many passes the rise takes.

    Raises:
        ArgumentTypeError: a number is due and something else came.
        ArgumentError: a number is out of its range.

    Example:
        >>> warm = CosineDecay(0.0, decay_steps=100, warmup_target=0.1, warmup_steps=10)
        >>> [round(float(warm(step)), 3) for step in (0, 5, 10, 60, 110)]
        [0.0, 0.05, 0.1, 0.05, 0.0]

    Reference: https://keras.io/api/optimizers/learning_rate_schedules/cosine_decay/; Loshchilov & Hutter 2016, arXiv
    1608.03983.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        alpha: float = 0.0,
        name: str = "CosineDecay",
        warmup_target: float | None = None,
        warmup_steps: float = 0,
    ) -> None:
        self.initial_learning_rate = self.check_number("initial_learning_rate", initial_learning_rate)
        self.decay_steps = self.check_number("decay_steps", decay_steps, above=0)
        self.alpha = self.check_number("alpha", alpha)
        self.warmup_target = None if warmup_target is None else self.check_number("warmup_target", warmup_target)
        self.warmup_steps = self.check_number("warmup_steps", warmup_steps)
        self.name = name

    def __call__(self, step: Tensor | float) -> Tensor:
        """Return the learning rate after `step` passes."""
        count = as_count(step)
        if self.warmup_target is None:
            return self._fall(self.initial_learning_rate, count)
        rise = (self.warmup_target - self.initial_learning_rate) / (self.warmup_steps or 1)
        fall = self._fall(self.warmup_target, count - self.warmup_steps)
        return torch.where(count < self.warmup_steps, self.initial_learning_rate + rise * count, fall)

    def _fall(self, highest: float, count: Tensor) -> Tensor:
        done = (count / self.decay_steps).clamp(max=1)
        return highest * ((1 - self.alpha) * 0.5 * (1 + (math.pi * done).cos()) + self.alpha)
