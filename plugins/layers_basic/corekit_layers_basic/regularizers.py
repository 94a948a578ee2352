"""The regularizers: penalties on weights and outputs, added to the loss."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from corekit import Regularizer, example
from corekit.errors import ArgumentError, ShapeError


@example((4, 3))
@example((5,), l1=0.3)
class L1(Regularizer):
    """The sum of absolute values: l1 * sum(|x|). Drives weights to exactly 0.

    Args:
        l1: the factor, from 0. None means the default.

    Raises:
        ArgumentError: l1 is not a finite number from 0.

    Example:
        >>> L1(0.5)(torch.tensor([-1.0, 2.0]))
        tensor(1.5000)

    Reference: https://keras.io/api/layers/regularizers/#l1-class
    """

    def __init__(self, l1: float | None = 0.01) -> None:
        self.l1 = _factor("L1", "l1", 0.01 if l1 is None else l1)

    def __call__(self, x: Tensor) -> Tensor:
        """Return l1 * sum(|x|)."""
        return self.l1 * x.abs().sum()


@example((4, 3))
@example((5,), l2=0.3)
class L2(Regularizer):
    """The sum of squares: l2 * sum(x^2). Without torch's factor 1/2 of weight decay.

    Args:
        l2: the factor, from 0. None means the default.

    Raises:
        ArgumentError: l2 is not a finite number from 0.

    Example:
        >>> L2(0.5)(torch.tensor([-1.0, 2.0]))
        tensor(2.5000)

    Reference: https://keras.io/api/layers/regularizers/#l2-class
    """

    def __init__(self, l2: float | None = 0.01) -> None:
        self.l2 = _factor("L2", "l2", 0.01 if l2 is None else l2)

    def __call__(self, x: Tensor) -> Tensor:
        """Return l2 * sum(x^2)."""
        return self.l2 * x.square().sum()


@example((4, 3))
@example((5,), l1=0.1, l2=0.2)
class L1L2(Regularizer):
    """Both: l1 * sum(|x|) + l2 * sum(x^2).

    Args:
        l1: the first factor, from 0. The default 0 lets L1L2(l2=0.1) mean only that; so "l1_l2" as a bare name
            charges nothing, as in Keras.
        l2: the second factor, from 0.

    Raises:
        ArgumentError: a factor is not a finite number from 0.

    Example:
        >>> L1L2(l1=0.5, l2=1.0)(torch.tensor([-1.0, 2.0]))
        tensor(6.5000)

    Reference: https://keras.io/api/layers/regularizers/#l1l2-class
    """

    def __init__(self, l1: float | None = 0.0, l2: float | None = 0.0) -> None:
        self.l1 = _factor("L1L2", "l1", 0.0 if l1 is None else l1)
        self.l2 = _factor("L1L2", "l2", 0.0 if l2 is None else l2)

    def __call__(self, x: Tensor) -> Tensor:
        """Return l1 * sum(|x|) + l2 * sum(x^2)."""
        return self.l1 * x.abs().sum() + self.l2 * x.square().sum()


@example((4, 3))
@example((4, 3), factor=0.3, mode="columns")
class OrthogonalRegularizer(Regularizer):
    """Charge the rows (or columns) of a matrix for pointing in similar directions.

    factor * mean(|cos(a, b)|) over all pairs of different rows a, b.

    Shape: (rows, columns) -> ().

    Args:
        factor: from 0.
        mode: "rows" or "columns". The columns of a Dense kernel are its units.

    Raises:
        ArgumentError: factor is not a finite number from 0, or mode is another word.
        ShapeError: x is not a matrix.

    Example:
        >>> OrthogonalRegularizer(1.0)(torch.tensor([[1.0, 0.0], [0.0, 5.0]]))
        tensor(0.)

    Reference: https://keras.io/api/layers/regularizers/#orthogonalregularizer-class
    """

    def __init__(self, factor: float = 0.01, mode: Literal["rows", "columns"] = "rows") -> None:
        if mode not in ("rows", "columns"):
            raise ArgumentError(f'OrthogonalRegularizer(mode={mode!r}): expected "rows" or "columns".')
        self.factor = _factor("OrthogonalRegularizer", "factor", factor)
        self.mode = mode

    def __call__(self, x: Tensor) -> Tensor:
        """Return factor times the mean absolute cosine between different rows (or columns)."""
        if x.dim() != 2:
            raise ShapeError(f"OrthogonalRegularizer takes a matrix, got a weight of shape {tuple(x.shape)}.")
        rows = x if self.mode == "rows" else x.T
        rows = torch.nn.functional.normalize(rows, dim=1)
        cosines = (rows @ rows.T).abs()
        num_pairs = max(1, rows.shape[0] * (rows.shape[0] - 1))
        return self.factor * (cosines.sum() - cosines.diagonal().sum()) / num_pairs


def _factor(cls: str, name: str, value: float) -> float:
    if not isinstance(value, (int, float)) or not 0 <= value < math.inf:
        raise ArgumentError(f"{cls}({name}={value!r}): expected a finite number from 0, for example {name}=0.01.")
    return float(value)
