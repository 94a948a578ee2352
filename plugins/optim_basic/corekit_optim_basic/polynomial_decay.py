"""A learning rate that falls to an end along a power of the time."""

from __future__ import annotations

from torch import Tensor

from corekit import LearningRateSchedule, example
from corekit_optim_basic.count import as_count


@example(initial_learning_rate=0.1, decay_steps=1000)
@example(initial_learning_rate=0.1, decay_steps=100, end_learning_rate=0.01, power=2.0, cycle=True)
class PolynomialDecay(LearningRateSchedule):
    """rate = (initial_learning_rate - end_learning_rate) * (1 - t / decay_steps)^power + end_learning_rate.

    t is the number of finished passes, at most `decay_steps`. With `cycle`, the rate jumps up whenever it arrives, and
    `decay_steps` in the formula is the next multiple of itself.

    Args:
        initial_learning_rate: the rate at first.
        decay_steps: after how many passes it arrives; more than 0.
        end_learning_rate: where it arrives.
        power: 1 for a straight line.
        cycle: whether it begins anew, from lower each time.
        name: kept for Keras's sake.

    Raises:
        ArgumentTypeError: a number is due and something else came.
        ArgumentError: a number is out of its range.

    Example:
        >>> PolynomialDecay(0.1, decay_steps=100, end_learning_rate=0.0)(75)
        tensor(0.0250, dtype=torch.float64)

    Reference: https://keras.io/api/optimizers/learning_rate_schedules/polynomial_decay/
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
        name: str = "PolynomialDecay",
    ) -> None:
        self.initial_learning_rate = self.check_number("initial_learning_rate", initial_learning_rate)
        self.decay_steps = self.check_number("decay_steps", decay_steps, above=0)
        self.end_learning_rate = self.check_number("end_learning_rate", end_learning_rate)
        self.power = self.check_number("power", power)
        self.cycle = cycle
        self.name = name

    def __call__(self, step: Tensor | float) -> Tensor:
        """Return the learning rate after `step` passes."""
        done = as_count(step) / self.decay_steps
        done = done / done.ceil().clamp(min=1) if self.cycle else done.clamp(max=1)
        rate: Tensor = (self.initial_learning_rate - self.end_learning_rate) * (1 - done) ** self.power
        return rate + self.end_learning_rate
