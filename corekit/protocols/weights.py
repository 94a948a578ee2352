"""What acts on a single weight: how it starts (Initializer), what it costs (Regularizer), where it may go."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from corekit.protocols.configurable import Configurable

InitializerLike = Callable[..., Tensor]
WeightPenalty = Callable[[Tensor], Tensor]


class Initializer(Configurable):
    """Gives a weight its first values. Any function of the same signature does as well.

    Example:
        >>> class Sevens(Initializer):
        ...     def __call__(self, shape, dtype=None):
        ...         return torch.full(tuple(shape), 7.0, dtype=dtype)
        >>> Sevens()((2,))
        tensor([7., 7.])

    Reference: https://keras.io/api/layers/initializers/
    """

    @abstractmethod
    def __call__(self, shape: Sequence[int], dtype: torch.dtype | None = None) -> Tensor:
        """Return a tensor of `shape` on the current default device, drawn from torch's default generator."""


class Regularizer(Configurable):
    """Charges a weight: a scalar that is added to the loss. Any function of a tensor does as well.

    Reference: https://keras.io/api/layers/regularizers/
    """

    @abstractmethod
    def __call__(self, x: Tensor) -> Tensor:
        """Return the penalty for `x`, a 0-d tensor."""


class Constraint(Configurable):
    """Keeps a weight where it may be: applied after each optimizer step. Any function of a tensor does as well.

    Reference: https://keras.io/api/layers/constraints/
    """

    @abstractmethod
    def __call__(self, w: Tensor) -> Tensor:
        """Return the nearest allowed value of `w`, of the same shape."""
