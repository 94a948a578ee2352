"""Where a kernel or a pool stands as it moves over an image: checks of its arguments, paddings and output sizes.

"same" pads as Keras and TensorFlow do: no more than is needed, and the odd one out at the end. Torch's own padding is
always the same on both sides, so an uneven one is laid around the image first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from corekit.errors import ArgumentError, ShapeError

Shape = tuple[int | None, ...]
AXES = {1: "(batch, steps, channels)", 2: "(batch, height, width, channels)"}


@dataclass(frozen=True)
class Window:
    """A kernel or pool of `size`, moved by `strides` over an image that is padded.

    Args:
        layer: the layer's class, for errors.
        size: its length along each axis of the image.
        strides: how far it moves along each.
        padding: "valid" (none), "same" (so that stride 1 keeps the size) or "causal" (all of it before the first).
        dilation: the distance of its points.

    Example:
        >>> window = Window("Conv2D", (3, 3), (2, 2), "same")
        >>> window.pads((28, 28)), window.output_shape((None, 28, 28, 3), 32)
        (((0, 1), (0, 1)), (None, 14, 14, 32))
    """

    layer: str
    size: tuple[int, ...]
    strides: tuple[int, ...]
    padding: str = "valid"
    dilation: tuple[int, ...] = ()

    @property
    def extents(self) -> tuple[int, ...]:
        """How much of the image it spans along each axis, gaps included."""
        dilation = self.dilation or (1,) * len(self.size)
        return tuple((size - 1) * gap + 1 for size, gap in zip(self.size, dilation, strict=True))

    def pads(self, sizes: Sequence[Any]) -> tuple[tuple[int, int], ...]:
        """Return how much to lay before and after each axis of an image of these sizes."""
        if self.padding == "valid":
            return ((0, 0),) * len(self.size)
        pads = []
        for size, extent, stride in zip(sizes, self.extents, self.strides, strict=True):
            missing = extent - 1  # for stride 1 whatever the size, which may be open
            if stride > 1 and self.padding == "same":
                missing = max((-(-size // stride) - 1) * stride + extent - size, 0)
            before = missing if self.padding == "causal" else missing // 2
            pads.append((before, missing - before))
        return tuple(pads)

    def output_shape(self, input_shape: Shape, channels: int | None = None) -> Shape:
        """Return the shape of what it gives; None of an image's sizes stays None.

        Args:
            input_shape: (batch, ..., channels).
            channels: default the input's.

        Raises:
            ShapeError: the input has another number of axes, or is smaller than the window.
        """
        if len(input_shape) != len(self.size) + 2:
            hint = "  One channel is an axis too:  x[..., None]." if len(input_shape) == len(self.size) + 1 else ""
            raise ShapeError(f"{self.layer} expects {AXES[len(self.size)]}, got {written(input_shape)}.{hint}")
        sizes: list[int | None] = []
        for size, extent, stride in zip(input_shape[1:-1], self.extents, self.strides, strict=True):
            if size is not None and self.padding == "valid" and size < extent:
                raise ShapeError(
                    f"{self.layer}: a window of {self.extents} does not fit into {written(input_shape)}.\n"
                    f'  Write  padding="same",  or put fewer or smaller windows before it.'
                )
            kept = None if size is None else size if self.padding != "valid" else size - extent + 1
            sizes.append(None if kept is None else -(-kept // stride))
        return (input_shape[0], *sizes, input_shape[-1] if channels is None else channels)


def sizes(layer: str, argument: str, value: Any, rank: int) -> tuple[int, ...]:
    """Return a whole number, or one for each axis, as one for each axis.

    Raises:
        ArgumentError: it is neither.

    Example:
        >>> sizes("Conv2D", "kernel_size", 3, 2)
        (3, 3)
    """
    every = (value,) * rank if isinstance(value, int) else value
    fits = isinstance(every, (tuple, list)) and len(every) == rank
    if not fits or not all(isinstance(size, int) and size > 0 for size in every):
        several = ", or one for each axis" if rank > 1 else ""
        raise ArgumentError(f"{layer}({argument}={value!r}): expected a whole number from 1{several}, for example 3.")
    return tuple(every)


def chosen(layer: str, argument: str, value: Any, words: tuple[str, ...]) -> str:
    """Return one of the words that the argument may be, in lower case as Keras takes it.

    Raises:
        ArgumentError: it is another one.
    """
    word = value.lower() if isinstance(value, str) else value
    if word not in words:
        expected = " or ".join(f'"{one}"' for one in words)
        raise ArgumentError(f"{layer}({argument}={value!r}): expected {expected}.")
    return str(word)


def channels_last(layer: str, data_format: str | None) -> str:
    """Return "channels_last".

    Raises:
        ArgumentError: another order was asked for.
    """
    if data_format == "channels_first":
        raise ArgumentError(
            f'{layer}(data_format="channels_first"): corekit computes with channels last, which is faster on a CPU.\n'
            "  Leave data_format out, and move the axis once:  x = x.movedim(1, -1)."
        )
    return chosen(layer, "data_format", data_format or "channels_last", ("channels_last",))


def written(shape: Sequence[int | None]) -> str:
    """Return a shape as errors write it.

    Example:
        >>> written((None, 28, None))
        '(batch, 28, any)'
    """
    words = [str(size) if size is not None else "any" if axis else "batch" for axis, size in enumerate(shape)]
    return f"({', '.join(words)})"
