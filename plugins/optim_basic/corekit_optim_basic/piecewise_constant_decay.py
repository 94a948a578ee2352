"""A learning rate that changes at given times."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from corekit import LearningRateSchedule, example
from corekit.errors import ArgumentError
from corekit_optim_basic.count import as_count


@example(boundaries=[2, 1000], values=[0.1, 0.01, 0.001])
class PiecewiseConstantDecay(LearningRateSchedule):
    """rate = values[i] up to and including pass boundaries[i], and the last value from then on.

    Args:
        boundaries: pass counts, rising.
        values: rates, one more than there are boundaries.
        name: kept for Keras's sake.

    Raises:
        ArgumentTypeError: a number is due and something else came.
        ArgumentError: the lengths do not fit, the boundaries do not rise, or a rate is negative.

    Example:
        >>> stairs = PiecewiseConstantDecay(boundaries=[100, 200], values=[0.1, 0.01, 0.001])
        >>> [round(float(stairs(step)), 4) for step in (0, 100, 101, 1000)]
        [0.1, 0.1, 0.01, 0.001]

    Reference: https://keras.io/api/optimizers/learning_rate_schedules/piecewise_constant_decay/
    """

    def __init__(self, boundaries: Sequence[float], values: Sequence[float], name: str = "PiecewiseConstant") -> None:
        if len(values) != len(boundaries) + 1:
            raise ArgumentError(
                f"PiecewiseConstantDecay: got {len(boundaries)} boundaries and {len(values)} values; expected one "
                "value more than boundaries: the rate before the first, between each two, and after the last."
            )
        self.boundaries = [self.check_number("boundaries", boundary) for boundary in boundaries]
        self.values = [self.check_number("values", value) for value in values]
        self.name = name
        if self.boundaries != sorted(self.boundaries):
            raise ArgumentError(f"PiecewiseConstantDecay(boundaries={list(boundaries)}): expected rising numbers.")

    def __call__(self, step: Tensor | float) -> Tensor:
        """Return the learning rate after `step` passes."""
        count = as_count(step)
        rate = torch.full_like(count, self.values[0])
        for boundary, value in zip(self.boundaries, self.values[1:], strict=True):
            rate = torch.where(count > boundary, value, rate)
        return rate
