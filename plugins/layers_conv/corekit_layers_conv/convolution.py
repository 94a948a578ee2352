"""What Conv1D and Conv2D share: checks, the kernel's shape, and the call of torch's convolution."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.nn import functional

from corekit.errors import ArgumentError, ShapeError
from corekit_layers_conv.layout import as_keras, in_two, kernel_as_torch, padded
from corekit_layers_conv.window import Shape, Window, chosen, sizes, written


def kernel_window(layer: str, rank: int, kernel_size: Any, strides: Any, padding: Any, dilation_rate: Any) -> Window:
    """Return the window of a convolution.

    Raises:
        ArgumentError: an argument is no such thing, or strides and dilation are both above 1.
    """
    words = ("valid", "same", "causal") if rank == 1 else ("valid", "same")
    window = Window(
        layer,
        sizes(layer, "kernel_size", kernel_size, rank),
        sizes(layer, "strides", strides, rank),
        chosen(layer, "padding", padding, words),
        sizes(layer, "dilation_rate", dilation_rate, rank),
    )
    if max(window.strides) > 1 and max(window.dilation) > 1:
        raise ArgumentError(
            f"{layer}(strides={strides!r}, dilation_rate={dilation_rate!r}): only one of them may be above 1."
        )
    return window


def check_counts(layer: str, filters: Any, groups: Any) -> None:
    """Check the number of filters and of groups.

    Raises:
        ArgumentError: one is not a whole number from 1, or the filters do not divide into the groups.
    """
    for argument, value in (("filters", filters), ("groups", groups)):
        if not isinstance(value, int) or value < 1:
            raise ArgumentError(f"{layer}({argument}={value!r}): expected a whole number from 1, for example 32.")
    if filters % groups:
        raise ArgumentError(f"{layer}(filters={filters}, groups={groups}): filters must be a multiple of groups.")


def kernel_shape(window: Window, input_shape: Shape, filters: int, groups: int) -> tuple[int, ...]:
    """Return (..., in / groups, out), after a check that the input fits.

    Raises:
        ShapeError: the input does not fit the window, its channels are unknown, or they do not divide into groups.
    """
    window.output_shape(input_shape, filters)
    channels = input_shape[-1]
    if channels is None:
        raise ShapeError(
            f"{window.layer} has weights for each channel, and in {written(input_shape)} their number is unknown.\n"
            "  Give it where the input is declared, for example Input(shape=(None, None, 3))."
        )
    if channels % groups:
        raise ShapeError(f"{window.layer}(groups={groups}) cannot divide the {channels} channels of its input.")
    return (*window.size, channels // groups, filters)


def convolve(layer: Any, x: Tensor, relu: bool = False) -> Tensor:
    """Return the convolution of (batch, ..., channels) with the layer's kernel, channels last as the input.

    Args:
        layer: built; a Conv1D or Conv2D.
        x: the input.
        relu: whether to apply a relu, in place: half its time, and one image less to allocate. It must come before the
            result is seen as a view, because autograd copies the gradients of views that were changed.
    """
    window, kernel = layer.window, layer.kernel
    if x.dim() != kernel.dim() or x.shape[-1] != kernel.shape[-2] * layer.groups:
        layer.compute_output_shape(x.shape)
    if not x.is_floating_point():
        x = x.to(kernel.dtype)
    image, padding = padded(x, window, 0.0)
    outputs = functional.conv2d(
        image, kernel_as_torch(kernel), layer.bias,
        in_two(window.strides), padding, in_two(window.dilation), layer.groups,
    )  # fmt: skip
    return as_keras(outputs.relu_() if relu else outputs, len(window.size))


def check_channels(layer: Any, shape: Shape) -> None:
    """Check the input of a built layer.

    Raises:
        ShapeError: it has another number of channels than the kernel.
    """
    channels = layer.kernel.shape[-2] * layer.groups
    if shape[-1] not in (None, channels):
        raise ShapeError(
            f'{type(layer).__name__} "{layer.name}" was built for {channels} channels, got {written(shape)}.'
        )
