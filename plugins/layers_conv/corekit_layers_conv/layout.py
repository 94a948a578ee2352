"""How images and kernels lie in memory. Nothing here copies an image that lies channels last, as Keras's do.

An image of shape (batch, height, width, channels), seen as (batch, channels, height, width), is what torch calls
channels last; its convolutions and pools are fast on it, and their results are of the same kind. A kernel of Keras's
shape (height, width, in, out) lies as (out, height, width, in), for the same reason. Forward and backward of two
layers took 34 ms so, 38 with kernels that lie as they are shaped, 61 with channels first.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.nn import functional

from corekit_layers_conv.window import Window


def as_torch(x: Tensor) -> Tensor:
    """Return (batch, ..., channels) as torch's (batch, channels, height, width), a view; a row has height 1."""
    return (x if x.dim() == 4 else x.unsqueeze(1)).permute(0, 3, 1, 2)


def as_keras(y: Tensor, rank: int) -> Tensor:
    """Return torch's (batch, channels, height, width) as (batch, ..., channels) with `rank` axes between, a view."""
    y = y.permute(0, 2, 3, 1)
    return y if rank == 2 else y.squeeze(1)


def kernel_as_torch(kernel: Tensor) -> Tensor:
    """Return (..., in, out) as torch's (out, in, height, width), a view."""
    return (kernel if kernel.dim() == 4 else kernel.unsqueeze(0)).permute(3, 2, 0, 1)


def lay_filters_first(kernel: Tensor) -> None:
    """Move the numbers of a new kernel (..., in, out) so that they lie as (out, ..., in).

    A weight keeps its strides: in copies, on other devices, and when values are loaded into it. Its gradients come in
    the same strides, so an optimizer's fused kernels need no copy.
    """
    kernel.data = kernel.data.movedim(-1, 0).contiguous().movedim(0, -1)


def padded(x: Tensor, window: Window, fill: float) -> tuple[Tensor, tuple[int, ...]]:
    """Return torch's view of the image, and the padding that is left for torch to do.

    Args:
        x: (batch, ..., channels).
        window: what will move over it.
        fill: what uneven padding consists of; torch's own is 0 for kernels and -inf for pools.
    """
    pads = window.pads(x.shape[1:-1])
    if all(before == after for before, after in pads):
        return as_torch(x), in_two(tuple(before for before, _ in pads), 0)
    flat: list[Any] = [pad for axis in reversed(pads) for pad in axis]
    return functional.pad(as_torch(x), flat, value=fill), (0, 0)


def in_two(values: tuple[int, ...], height: int = 1) -> tuple[int, ...]:
    """Return values for both axes of an image; a row has the one given for its height."""
    return values if len(values) == 2 else (height, *values)
