"""The initializers whose spread depends on how many inputs and outputs a weight has.

What a seed does is said in `drawing`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from torch import Tensor

from corekit import Initializer, example
from corekit.errors import ArgumentError
from corekit_layers_basic.drawing import Dtype, checked_seed, draw

Axes = Sequence[int] | None

# Standard deviation of a standard normal that is cut off at -2 and 2: dividing by it restores the asked-for one.
TRUNCATED_DEVIATION = 0.87962566103423978


@example()
@example(scale=2.0, mode="fan_avg", distribution="uniform", seed=1)
@example((2, 2, 3, 4), mode="fan_out")
@example((3, 4), distribution="untruncated_normal", input_axes=[1], output_axes=[0])
class VarianceScaling(Initializer):
    """Random numbers of variance scale / n, where n counts the weight's inputs, outputs, or the mean of both.

    For a kernel (..., in, out), such as Dense's (in, out) and Conv2D's (height, width, in, out), the inputs of a unit
    are the product of all sizes but the last, and the outputs that of all but the last but one.

    Args:
        scale: above 0.
        mode: "fan_in", "fan_out" or "fan_avg": which n.
        distribution: "truncated_normal" (or "normal"), "untruncated_normal" or "uniform".
        seed: makes every call give the same numbers; None draws from torch's generator.
        input_axes: which axes make up the inputs, for weights of another layout; needs `output_axes` too.
        output_axes: which axes make up the outputs.

    Raises:
        ArgumentError: scale is not above 0, or mode or distribution is another word.
        ArgumentTypeError: seed is neither a whole number nor None.

    Example:
        >>> VarianceScaling(2.0, "fan_in", "uniform", seed=1)((600, 5)).abs().max().round(decimals=2)
        tensor(0.1000)

    Reference: https://keras.io/api/layers/initializers/#variancescaling-class
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: Literal["fan_in", "fan_out", "fan_avg"] = "fan_in",
        distribution: str = "truncated_normal",
        seed: int | None = None,
        input_axes: Axes = None,
        output_axes: Axes = None,
    ) -> None:
        if not scale > 0:
            raise ArgumentError(f"VarianceScaling(scale={scale}): expected a number above 0.")
        if mode not in ("fan_in", "fan_out", "fan_avg"):
            raise ArgumentError(f'VarianceScaling(mode={mode!r}): expected "fan_in", "fan_out" or "fan_avg".')
        if distribution not in ("normal", "truncated_normal", "untruncated_normal", "uniform"):
            raise ArgumentError(
                f"VarianceScaling(distribution={distribution!r}): "
                'expected "truncated_normal", "untruncated_normal" or "uniform".'
            )
        self.scale, self.mode = scale, mode
        self.distribution = "truncated_normal" if distribution == "normal" else distribution
        self.seed = checked_seed("VarianceScaling", seed)
        self.input_axes, self.output_axes = input_axes, output_axes

    def __call__(self, shape: Sequence[int], dtype: Dtype = None) -> Tensor:
        """Return random numbers whose variance fits the shape."""
        fan_in, fan_out = fans(shape, self.input_axes, self.output_axes)
        n = (fan_in + fan_out) / 2 if self.mode == "fan_avg" else fan_in if self.mode == "fan_in" else fan_out
        deviation = math.sqrt(self.scale / max(1.0, n))
        if self.distribution == "truncated_normal":
            spread = deviation / TRUNCATED_DEVIATION
        else:
            spread = deviation * math.sqrt(3) if self.distribution == "uniform" else deviation
        return draw(self.distribution, shape, dtype, self.seed, spread)


@example()
@example((2, 2, 3, 4), seed=1)
class GlorotUniform(VarianceScaling):
    """Uniform within sqrt(6 / (in + out)): keeps the variance through tanh-like layers. Also called Xavier.

    Args:
        seed, input_axes, output_axes: as for VarianceScaling.

    Example:
        >>> GlorotUniform(seed=1)((3, 2)).shape
        torch.Size([3, 2])

    Reference: https://keras.io/api/layers/initializers/#glorotuniform-class; Glorot, Bengio, 2010.
    """

    def __init__(self, seed: int | None = None, input_axes: Axes = None, output_axes: Axes = None) -> None:
        super().__init__(1.0, "fan_avg", "uniform", seed, input_axes, output_axes)


@example()
@example((2, 2, 3, 4), seed=1)
class GlorotNormal(VarianceScaling):
    """Truncated normal of standard deviation sqrt(2 / (in + out)). Also called Xavier.

    Args:
        seed, input_axes, output_axes: as for VarianceScaling.

    Example:
        >>> GlorotNormal(seed=1)((3, 2)).shape
        torch.Size([3, 2])

    Reference: https://keras.io/api/layers/initializers/#glorotnormal-class; Glorot, Bengio, 2010.
    """

    def __init__(self, seed: int | None = None, input_axes: Axes = None, output_axes: Axes = None) -> None:
        super().__init__(1.0, "fan_avg", "truncated_normal", seed, input_axes, output_axes)


@example()
@example((2, 2, 3, 4), seed=1)
class HeUniform(VarianceScaling):
    """Uniform within sqrt(6 / in): keeps the variance through ReLU layers. Also called Kaiming.

    Args:
        seed, input_axes, output_axes: as for VarianceScaling.

    Example:
        >>> HeUniform(seed=1)((3, 2)).shape
        torch.Size([3, 2])

    Reference: https://keras.io/api/layers/initializers/#heuniform-class; He et al., 2015, arXiv 1502.01852.
    """

    def __init__(self, seed: int | None = None, input_axes: Axes = None, output_axes: Axes = None) -> None:
        super().__init__(2.0, "fan_in", "uniform", seed, input_axes, output_axes)


@example()
@example((2, 2, 3, 4), seed=1)
class HeNormal(VarianceScaling):
    """Truncated normal of standard deviation sqrt(2 / in), for ReLU layers. Also called Kaiming.

    Args:
        seed, input_axes, output_axes: as for VarianceScaling.

    Example:
        >>> HeNormal(seed=1)((3, 2)).shape
        torch.Size([3, 2])

    Reference: https://keras.io/api/layers/initializers/#henormal-class; He et al., 2015, arXiv 1502.01852.
    """

    def __init__(self, seed: int | None = None, input_axes: Axes = None, output_axes: Axes = None) -> None:
        super().__init__(2.0, "fan_in", "truncated_normal", seed, input_axes, output_axes)


@example()
@example((2, 2, 3, 4), seed=1)
class LecunUniform(VarianceScaling):
    """Uniform within sqrt(3 / in).

    Args:
        seed, input_axes, output_axes: as for VarianceScaling.

    Example:
        >>> LecunUniform(seed=1)((3, 2)).shape
        torch.Size([3, 2])

    Reference: https://keras.io/api/layers/initializers/#lecununiform-class; LeCun et al., "Efficient backprop", 1998.
    """

    def __init__(self, seed: int | None = None, input_axes: Axes = None, output_axes: Axes = None) -> None:
        super().__init__(1.0, "fan_in", "uniform", seed, input_axes, output_axes)


@example()
@example((2, 2, 3, 4), seed=1)
class LecunNormal(VarianceScaling):
    """Truncated normal of standard deviation sqrt(1 / in), for selu.

    Args:
        seed, input_axes, output_axes: as for VarianceScaling.

    Example:
        >>> LecunNormal(seed=1)((3, 2)).shape
        torch.Size([3, 2])

    Reference: https://keras.io/api/layers/initializers/#lecunnormal-class; Klambauer et al., 2017, arXiv
        1706.02515.
    """

    def __init__(self, seed: int | None = None, input_axes: Axes = None, output_axes: Axes = None) -> None:
        super().__init__(1.0, "fan_in", "truncated_normal", seed, input_axes, output_axes)


def fans(shape: Sequence[int], input_axes: Axes = None, output_axes: Axes = None) -> tuple[int, int]:
    """Return how many inputs a unit of the weight has, and how many outputs an input.

    Example:
        >>> fans((3, 3, 16, 32))
        (144, 288)
    """
    if input_axes is not None and output_axes is not None:
        return math.prod(shape[axis] for axis in input_axes), math.prod(shape[axis] for axis in output_axes)
    if len(shape) < 2:
        return math.prod(shape), math.prod(shape)
    return math.prod(shape[:-1]), math.prod(shape[:-2]) * shape[-1]
