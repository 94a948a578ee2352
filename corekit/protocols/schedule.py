"""A learning rate that follows the step count."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from torch import Tensor

from corekit.protocols.arguments import check_number
from corekit.protocols.configurable import Configurable


class LearningRateSchedule(Configurable, ABC):
    """Maps the number of finished passes to a learning rate, in tensor arithmetic so that no step waits for the host.

    Passes are batches, also where an optimizer makes an update only after several (`gradient_accumulation_steps`).

    Example:
        >>> class Halving(LearningRateSchedule):
        ...     def __call__(self, step):
        ...         return 0.1 * 0.5 ** (step / 1000)

    Reference: https://keras.io/api/optimizers/learning_rate_schedules/
    """

    @abstractmethod
    def __call__(self, step: Tensor) -> Tensor:
        """Return the learning rate (0-d) after `step` (0-d, from 0) finished passes."""

    def check_number(self, name: str, value: Any, *, least: float = 0, above: float | None = None) -> float:
        """Return a constructor's number, or raise where it is none, less than `least`, or not more than `above`."""
        return check_number(self, name, value, least=least, above=above)
