"""A learning rate that follows the step count."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor

from corekit.protocols.configurable import Configurable


class LearningRateSchedule(Configurable, ABC):
    """Maps the number of finished steps to a learning rate, in tensor arithmetic so that no step waits for the host.

    Example:
        >>> class Halving(LearningRateSchedule):
        ...     def __call__(self, step):
        ...         return 0.1 * 0.5 ** (step / 1000)

    Reference: https://keras.io/api/optimizers/learning_rate_schedules/
    """

    @abstractmethod
    def __call__(self, step: Tensor) -> Tensor:
        """Return the learning rate (0-d) after `step` (0-d, from 0) finished optimizer steps."""
