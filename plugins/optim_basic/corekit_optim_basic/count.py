"""What schedules count by."""

from __future__ import annotations

import torch
from torch import Tensor


def as_count(step: Tensor | float) -> Tensor:
    """Return a step count as a 0-d floating tensor: optimizers give one, people who draw a curve give numbers.

    Example:
        >>> as_count(3)
        tensor(3., dtype=torch.float64)
    """
    if isinstance(step, Tensor):
        return step if step.is_floating_point() else step.double()
    return torch.tensor(float(step), dtype=torch.float64)
