"""A learning rate that falls as one over the time."""

from __future__ import annotations

from torch import Tensor

from corekit import LearningRateSchedule, example
from corekit_optim_basic.count import as_count


@example(initial_learning_rate=0.1, decay_steps=100, decay_rate=0.5)
@example(initial_learning_rate=0.1, decay_steps=100, decay_rate=0.5, staircase=True)
class InverseTimeDecay(LearningRateSchedule):
    """rate = initial_learning_rate / (1 + decay_rate * t / decay_steps), t the number of finished passes.

    Args:
        initial_learning_rate: the rate at first.
        decay_steps: in how many passes the denominator grows by `decay_rate`; more than 0.
        decay_rate: 0 or more.
        staircase: whether it falls in jumps: t / decay_steps is rounded down.
        name: kept for Keras's sake.

    Raises:
        ArgumentTypeError: a number is due and something else came.
        ArgumentError: a number is out of its range.

    Example:
        >>> InverseTimeDecay(0.1, decay_steps=100, decay_rate=1)(300)
        tensor(0.0250, dtype=torch.float64)

    Reference: https://keras.io/api/optimizers/learning_rate_schedules/inverse_time_decay/
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool = False,
        name: str = "InverseTimeDecay",
    ) -> None:
        self.initial_learning_rate = self.check_number("initial_learning_rate", initial_learning_rate)
        self.decay_steps = self.check_number("decay_steps", decay_steps, above=0)
        self.decay_rate = self.check_number("decay_rate", decay_rate)
        self.staircase = staircase
        self.name = name

    def __call__(self, step: Tensor | float) -> Tensor:
        """Return the learning rate after `step` passes."""
        periods = as_count(step) / self.decay_steps
        if self.staircase:
            periods = periods.floor()
        return self.initial_learning_rate / (1 + self.decay_rate * periods)
