"""The constraints: where weights may be, applied after each optimizer step.

Norms are taken over `axis`: 0 for the incoming weights of each unit of a Dense kernel (in, out), [0, 1, 2] for each
filter of a Conv2D kernel (height, width, in, out).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from corekit import Constraint, Values, config, example
from corekit.errors import ArgumentError

Axis = int | Sequence[int]

WIDE = Values((4, 3), low=-2, high=2)
"""Its columns are longer than most bounds, and shorter than some."""


@example(WIDE)
@example(WIDE, max_value=0.5, axis=1)
@example(WIDE, max_value=1.0, axis=[0, 1])
class MaxNorm(Constraint):
    """Vectors no longer than `max_value`: w * min(norm, max_value) / (norm + epsilon).

    Args:
        max_value: the largest norm.
        axis: along which norms are taken.

    Raises:
        ArgumentError: max_value is negative.

    Example:
        >>> MaxNorm(1.0)(torch.tensor([[3.0, 0.3], [4.0, 0.4]]))
        tensor([[0.6000, 0.3000],
                [0.8000, 0.4000]])

    Reference: https://keras.io/api/layers/constraints/#maxnorm-class
    """

    def __init__(self, max_value: float = 2, axis: Axis = 0) -> None:
        if max_value < 0:
            raise ArgumentError(f"MaxNorm(max_value={max_value}): expected a number from 0.")
        self.max_value = max_value
        self.axis = axis

    def __call__(self, w: Tensor) -> Tensor:
        """Return `w`, its long vectors shortened."""
        norms = _norms(w, self.axis)
        return w * (norms.clamp(0, self.max_value) / (config.epsilon() + norms))


@example(WIDE)
class NonNeg(Constraint):
    """No negative weights: max(w, 0).

    Example:
        >>> NonNeg()(torch.tensor([-1.0, 2.0]))
        tensor([0., 2.])

    Reference: https://keras.io/api/layers/constraints/#nonneg-class
    """

    def __call__(self, w: Tensor) -> Tensor:
        """Return `w` with its negative numbers set to 0."""
        return w.clamp(min=0)


@example(WIDE)
@example(WIDE, axis=1)
class UnitNorm(Constraint):
    """Vectors of length 1: w / (norm + epsilon).

    Args:
        axis: along which norms are taken.

    Example:
        >>> UnitNorm()(torch.tensor([[3.0], [4.0]]))
        tensor([[0.6000],
                [0.8000]])

    Reference: https://keras.io/api/layers/constraints/#unitnorm-class
    """

    def __init__(self, axis: Axis = 0) -> None:
        self.axis = axis

    def __call__(self, w: Tensor) -> Tensor:
        """Return `w`, each vector divided by its norm."""
        return w / (config.epsilon() + _norms(w, self.axis))


@example(WIDE)
@example(WIDE, min_value=2.0, max_value=3.0, rate=0.5)
@example(WIDE, min_value=0.1, max_value=0.2, axis=[0, 1])
class MinMaxNorm(Constraint):
    """Vectors neither shorter than `min_value` nor longer than `max_value`.

    w * desired / (norm + epsilon), where desired = rate * clip(norm, min_value, max_value) + (1 - rate) * norm.

    Args:
        min_value: the smallest norm.
        max_value: the largest norm.
        rate: 1 applies the bounds at once; less moves towards them at each step.
        axis: along which norms are taken.

    Raises:
        ArgumentError: the bounds are negative or in the wrong order, or rate is outside of 0 to 1.

    Example:
        >>> MinMaxNorm(1.0, 2.0)(torch.tensor([[0.3, 3.0], [0.4, 4.0]]))
        tensor([[0.6000, 1.2000],
                [0.8000, 1.6000]])

    Reference: https://keras.io/api/layers/constraints/#minmaxnorm-class
    """

    def __init__(self, min_value: float = 0.0, max_value: float = 1.0, rate: float = 1.0, axis: Axis = 0) -> None:
        if not 0 <= min_value <= max_value:
            raise ArgumentError(
                f"MinMaxNorm(min_value={min_value}, max_value={max_value}): expected 0 <= min_value <= max_value."
            )
        if not 0 <= rate <= 1:
            raise ArgumentError(f"MinMaxNorm(rate={rate}): expected a number from 0 to 1.")
        self.min_value, self.max_value, self.rate, self.axis = min_value, max_value, rate, axis

    def __call__(self, w: Tensor) -> Tensor:
        """Return `w`, its vectors brought towards the bounds."""
        norms = _norms(w, self.axis)
        desired = self.rate * norms.clamp(self.min_value, self.max_value) + (1 - self.rate) * norms
        return w * (desired / (config.epsilon() + norms))


def _norms(w: Tensor, axis: Axis) -> Tensor:
    norms: Tensor = torch.linalg.vector_norm(w, dim=axis, keepdim=True)
    return norms
