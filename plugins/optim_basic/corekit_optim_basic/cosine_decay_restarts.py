"""A learning rate that falls along a cosine again and again."""

from __future__ import annotations

import math

from torch import Tensor

from corekit import LearningRateSchedule, example
from corekit_optim_basic.count import as_count

_ROUNDING = 1e-9  # so that a logarithm which should be whole is not rounded down; less than one pass ever is


@example(initial_learning_rate=0.1, first_decay_steps=100)
@example(initial_learning_rate=0.1, first_decay_steps=100, t_mul=1.0, m_mul=0.9, alpha=0.1)
class CosineDecayRestarts(LearningRateSchedule):
    """rate = initial_learning_rate * ((1 - alpha) * m_mul^i * (1 + cos(pi * f)) / 2 + alpha).

    f is the finished part of period i (from 0), which is `first_decay_steps` * t_mul^i passes long.

    Args:
        initial_learning_rate: the rate at first.
        first_decay_steps: passes of the first period; more than 0.
        t_mul: how much longer each period is than the one before it; 1 or more, as shorter ones would come to an end.
        m_mul: how much higher its first rate is.
        alpha: share of `initial_learning_rate` that is the lowest rate.
        name: kept for Keras's sake.

    Raises:
        ArgumentTypeError: a number is due and something else came.
        ArgumentError: a number is out of its range.

    Example:
        >>> restarting = CosineDecayRestarts(0.1, first_decay_steps=100)
        >>> [round(float(restarting(step)), 3) for step in (0, 50, 100, 200, 300)]
        [0.1, 0.05, 0.1, 0.05, 0.1]

    Reference: https://keras.io/api/optimizers/learning_rate_schedules/cosine_decay_restarts/; Loshchilov & Hutter 2016,
    "SGDR: Stochastic gradient descent with warm restarts", arXiv 1608.03983.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        first_decay_steps: float,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
        name: str = "SGDRDecay",
    ) -> None:
        self.initial_learning_rate = self.check_number("initial_learning_rate", initial_learning_rate)
        self.first_decay_steps = self.check_number("first_decay_steps", first_decay_steps, above=0)
        self.t_mul = self.check_number("t_mul", t_mul, least=1)
        self.m_mul = self.check_number("m_mul", m_mul)
        self.alpha = self.check_number("alpha", alpha)
        self.name = name

    def __call__(self, step: Tensor | float) -> Tensor:
        """Return the learning rate after `step` passes."""
        done = as_count(step) / self.first_decay_steps  # in first periods
        if self.t_mul == 1:
            period = (done + _ROUNDING).floor()
            part = done - period
        else:  # the first i periods are (t_mul^i - 1) / (t_mul - 1) first periods long
            period = ((1 + done * (self.t_mul - 1)).log() / math.log(self.t_mul) + _ROUNDING).floor()
            length = self.t_mul**period
            part = (done - (length - 1) / (self.t_mul - 1)) / length
        rate: Tensor = (1 - self.alpha) * self.m_mul**period * 0.5 * (1 + (math.pi * part).cos()) + self.alpha
        return self.initial_learning_rate * rate
