"""The initializers that do not count a weight's inputs and outputs; those that do are in `variance_scaling`.

What a seed does is said in `drawing`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from corekit import Initializer, example
from corekit.errors import ArgumentError, ShapeError
from corekit_layers_basic.drawing import Dtype, as_dtype, at_least_float32, checked_seed, draw


class Zeros(Initializer):
    """All 0.

    Example:
        >>> Zeros()((2,))
        tensor([0., 0.])

    Reference: https://keras.io/api/layers/initializers/#zeros-class
    """

    def __call__(self, shape: Sequence[int], dtype: Dtype = None) -> Tensor:
        """Return a tensor of zeros."""
        return torch.zeros(tuple(shape), dtype=as_dtype(dtype))


class Ones(Initializer):
    """All 1.

    Example:
        >>> Ones()((2,))
        tensor([1., 1.])

    Reference: https://keras.io/api/layers/initializers/#ones-class
    """

    def __call__(self, shape: Sequence[int], dtype: Dtype = None) -> Tensor:
        """Return a tensor of ones."""
        return torch.ones(tuple(shape), dtype=as_dtype(dtype))


@example(value=3.0)
@example((4, 3), value=[1.0, 2.0, 3.0])
class Constant(Initializer):
    """All the same value.

    Args:
        value: a number, or an array that broadcasts to the weight's shape.

    Example:
        >>> Constant(3)((2,))
        tensor([3., 3.])

    Reference: https://keras.io/api/layers/initializers/#constant-class
    """

    def __init__(self, value: Any = 0.0) -> None:
        self.value = value

    def __call__(self, shape: Sequence[int], dtype: Dtype = None) -> Tensor:
        """Return a tensor filled with the value."""
        value = torch.as_tensor(self.value, dtype=as_dtype(dtype), device=torch.get_default_device())
        return value.expand(tuple(shape)).clone()


@example((None, None))
@example((3, 4), gain=2.0)
class Identity(Initializer):
    """The identity matrix, times `gain`.

    Shape: (rows, columns).

    Args:
        gain: the diagonal's value.

    Raises:
        ShapeError: the weight is not a matrix.

    Example:
        >>> Identity()((2, 3))
        tensor([[1., 0., 0.],
                [0., 1., 0.]])

    Reference: https://keras.io/api/layers/initializers/#identity-class
    """

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = gain

    def __call__(self, shape: Sequence[int], dtype: Dtype = None) -> Tensor:
        """Return gain times the identity matrix."""
        if len(shape) != 2:
            raise ShapeError(f"the initializer Identity makes matrices, and the weight has shape {tuple(shape)}.")
        return torch.eye(*shape, dtype=as_dtype(dtype)).mul_(self.gain)


@example()
@example(mean=1.0, stddev=0.5, seed=1)
class RandomNormal(Initializer):
    """Normally distributed.

    Args:
        mean: of the distribution.
        stddev: its standard deviation, from 0.
        seed: makes every call give the same numbers; None draws from torch's generator.

    Raises:
        ArgumentError: stddev is negative.
        ArgumentTypeError: seed is neither a whole number nor None.

    Example:
        >>> RandomNormal(mean=5.0, seed=1)((1000,)).mean().round()
        tensor(5.)

    Reference: https://keras.io/api/layers/initializers/#randomnormal-class
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: int | None = None) -> None:
        self.mean, self.stddev = mean, _deviation("RandomNormal", stddev)
        self.seed = checked_seed("RandomNormal", seed)

    def __call__(self, shape: Sequence[int], dtype: Dtype = None) -> Tensor:
        """Return normally distributed numbers."""
        return draw("untruncated_normal", shape, dtype, self.seed, self.stddev, self.mean)


@example()
@example(mean=1.0, stddev=0.5, seed=1)
class TruncatedNormal(Initializer):
    """Normally distributed, without values further than two standard deviations from the mean.

    Args:
        mean: of the distribution.
        stddev: the standard deviation before the cut, from 0; 0.88 times as much is left after it.
        seed: makes every call give the same numbers; None draws from torch's generator.

    Raises:
        ArgumentError: stddev is negative.
        ArgumentTypeError: seed is neither a whole number nor None.

    Example:
        >>> TruncatedNormal(stddev=1.0, seed=1)((1000,)).abs().max() <= 2
        tensor(True)

    Reference: https://keras.io/api/layers/initializers/#truncatednormal-class
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: int | None = None) -> None:
        self.mean, self.stddev = mean, _deviation("TruncatedNormal", stddev)
        self.seed = checked_seed("TruncatedNormal", seed)

    def __call__(self, shape: Sequence[int], dtype: Dtype = None) -> Tensor:
        """Return normally distributed numbers within two standard deviations."""
        return draw("truncated_normal", shape, dtype, self.seed, self.stddev, self.mean)


@example()
@example(minval=1.0, maxval=2.0, seed=1)
class RandomUniform(Initializer):
    """Uniformly distributed between two bounds.

    Args:
        minval: the lower bound.
        maxval: the upper bound.
        seed: makes every call give the same numbers; None draws from torch's generator.

    Raises:
        ArgumentTypeError: seed is neither a whole number nor None.

    Example:
        >>> RandomUniform(1.0, 2.0, seed=1)((1000,)).mean().round(decimals=1)
        tensor(1.5000)

    Reference: https://keras.io/api/layers/initializers/#randomuniform-class
    """

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: int | None = None) -> None:
        self.minval, self.maxval = minval, maxval
        self.seed = checked_seed("RandomUniform", seed)

    def __call__(self, shape: Sequence[int], dtype: Dtype = None) -> Tensor:
        """Return uniformly distributed numbers."""
        half = (self.maxval - self.minval) / 2
        return draw("uniform", shape, dtype, self.seed, half, self.minval + half)


@example((None, None))
@example((None, 3, 4), gain=2.0, seed=1)
class Orthogonal(Initializer):
    """A random matrix with orthogonal columns (or rows, where it is wider than high), times `gain`.

    Shape: (..., out); all axes but the last are taken together as rows.

    Args:
        gain: length of each column (or row).
        seed: makes every call give the same numbers; None draws from torch's generator.

    Raises:
        ArgumentTypeError: seed is neither a whole number nor None.
        ShapeError: the weight has fewer than two axes.

    Example:
        >>> kernel = Orthogonal(seed=1)((3, 3))
        >>> torch.allclose(kernel.T @ kernel, torch.eye(3), atol=1e-6)
        True

    Reference: https://keras.io/api/layers/initializers/#orthogonal-class; Saxe et al., 2013, arXiv 1312.6120.
    """

    def __init__(self, gain: float = 1.0, seed: int | None = None) -> None:
        self.gain = gain
        self.seed = checked_seed("Orthogonal", seed)

    def __call__(self, shape: Sequence[int], dtype: Dtype = None) -> Tensor:
        """Return gain times a random orthogonal matrix, in the given shape."""
        if len(shape) < 2:
            raise ShapeError(f"the initializer Orthogonal needs two axes or more; the weight has shape {tuple(shape)}.")
        rows, columns = math.prod(shape[:-1]), shape[-1]
        kind = as_dtype(dtype)
        tall = draw("untruncated_normal", (max(rows, columns), min(rows, columns)), at_least_float32(kind), self.seed)
        q, r = torch.linalg.qr(tall)
        q = q * r.diagonal().sign()  # makes the distribution uniform over all such matrices
        matrix: Tensor = q if rows >= columns else q.T
        return matrix.mul(self.gain).reshape(tuple(shape)).to(kind)


def _deviation(cls: str, stddev: float) -> float:
    if not stddev >= 0:
        raise ArgumentError(f"{cls}(stddev={stddev}): expected a number from 0.")
    return stddev
