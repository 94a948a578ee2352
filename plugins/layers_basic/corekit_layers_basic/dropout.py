"""Dropout. Its mask comes from torch's generator, like all randomness of a model; it has none of its own.

On a CPU torch draws one number after the other, 64 bits or more for each decision, on one core: 2.8 ms for 128 x 1600
numbers, forward and backward, and much of a step. Sixteen bits a decision take 0.9 ms. Both are drawn alike by a
compiler that leaves random numbers to torch (`torch._inductor.config.fallback_random`), so a compiled step drops what
an eager one does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from corekit import Layer, example
from corekit.errors import ArgumentError, ShapeError
from corekit_layers_basic.shapes import Shape, written

FEW = 4096  # numbers below which torch's own dropout is as fast


@example((None,), rate=0.5)
@example((40, 50), rate=0.25)
@example((4, 5), rate=0.5, noise_shape=(None, 1, None))
@example((5,), rate=0.0)
@example((5,), rate=1.0)
class Dropout(Layer):
    """In training, set each number to 0 with probability `rate`, and scale the others up by 1 / (1 - rate).

    The expected output is then the input. In inference it does nothing. On a CPU, for 4,096 numbers or more, the rate
    is rounded to a multiple of 1/65,536 (and the scale with it, so that the expected output stays exact).

    Shape: any -> the same.

    Args:
        rate: from 0 (drops nothing) to 1 (drops everything).
        noise_shape: shape of the mask, broadcast against the input; None at an axis is the input's size. For input
            (batch, time, features), (None, 1, None) drops a feature at all times or at none.
        seed: only None. A generator of the layer's own would break `torch.compile` and is not part of a checkpoint.
        kwargs: name, dtype, activity_regularizer, input_shape; see Layer.

    Raises:
        ArgumentError: rate is outside of 0 to 1, noise_shape is no shape, or a seed is given.

    Example:
        >>> x = torch.ones(2, 3)
        >>> torch.equal(Dropout(0.5)(x), x)
        True
        >>> sorted(set(Dropout(0.5)(torch.ones(100), training=True).tolist()))
        [0.0, 2.0]

    Reference: https://keras.io/api/layers/regularization_layers/dropout/; Srivastava, Hinton, Krizhevsky, Sutskever,
        Salakhutdinov, "Dropout: a simple way to prevent neural networks from overfitting", JMLR 15, 2014.
    """

    def __init__(
        self, rate: float, noise_shape: Sequence[int | None] | None = None, seed: int | None = None, **kwargs: Any
    ) -> None:
        if not isinstance(rate, (int, float)) or not 0 <= rate <= 1:
            raise ArgumentError(f"Dropout(rate={rate!r}): expected a number from 0 to 1, for example Dropout(0.5).")
        if noise_shape is not None and (
            not isinstance(noise_shape, (tuple, list))
            or not all(size is None or (isinstance(size, int) and size > 0) for size in noise_shape)
        ):
            raise ArgumentError(
                f"Dropout(noise_shape={noise_shape!r}): expected sizes, or None for the input's, "
                "for example noise_shape=(None, 1, None)."
            )
        if seed is not None:
            raise ArgumentError(
                f"Dropout(seed={seed!r}): a layer has no random generator of its own; masks come from torch's.\n"
                f"  Leave seed out and write  corekit.utils.set_random_seed({seed!r})  at the start of the program."
            )
        super().__init__(**kwargs)
        self.rate = rate
        self.noise_shape = None if noise_shape is None else tuple(noise_shape)

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        """Return the inputs; in training, thinned out."""
        if not training or self.rate == 0:
            return inputs
        if self.noise_shape is None:
            return dropped(inputs, self.rate)
        mask = functional.dropout(inputs.new_ones(self._mask_shape(self.noise_shape, inputs)), self.rate)
        return inputs * mask

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the input's shape."""
        return input_shape

    def _mask_shape(self, noise_shape: Shape, inputs: Tensor) -> list[int]:
        if len(noise_shape) != inputs.dim():
            raise ShapeError(
                f"Dropout(noise_shape={noise_shape}) has {len(noise_shape)} axes, but the input has {inputs.dim()}: "
                f"{written(inputs.shape)}."
            )
        return [size if own is None else own for own, size in zip(noise_shape, inputs.shape, strict=True)]


def dropped(x: Tensor, rate: float) -> Tensor:
    """Return x thinned out, by sixteen random bits for each number where that is faster.

    Example:
        >>> sorted(set(dropped(torch.ones(5000), 0.75).tolist()))
        [0.0, 4.0]
    """
    kept = round((1 - rate) * 65536)  # of the 65,536 values that sixteen bits have
    if x.device.type != "cpu" or x.numel() < FEW or not 0 < kept < 65536:
        return functional.dropout(x, rate)
    drawn = torch.randint(-(2**63), 2**63 - 1, ((x.numel() + 3) // 4,), dtype=torch.int64, device=x.device)
    bits = drawn.view(torch.int16)[: x.numel()].view(x.shape)
    return x * ((bits < kept - 32768).to(x.dtype) * (65536 / kept))
