"""UpSampling2D: larger images, by repeating pixels or by lines between them."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.nn import functional

from corekit import Layer, example
from corekit.errors import ShapeError
from corekit_layers_conv.layout import as_keras, as_torch
from corekit_layers_conv.window import AXES, Shape, channels_last, chosen, sizes, written


@example((None, None, 3))
@example((4, 5, 3), size=(3, 2), interpolation="bilinear")
class UpSampling2D(Layer):
    """Enlarge images by whole factors.

    Shape: (batch, height, width, channels) -> (batch, height * size[0], width * size[1], channels).

    Args:
        size: the factors for height and width, or one number for both.
        data_format: only "channels_last".
        interpolation: "nearest" repeats each pixel, "bilinear" draws lines between pixels' centres.
        kwargs: name, dtype, activity_regularizer, input_shape; see Layer.

    Raises:
        ArgumentError: an argument is none of these, or channels first is asked for.
        ShapeError: the input has other axes.

    Example:
        >>> import torch
        >>> UpSampling2D(2)(torch.tensor([[[[1.0], [2.0]]]]))[0, :, :, 0]
        tensor([[1., 1., 2., 2.],
                [1., 1., 2., 2.]])

    Reference: https://keras.io/api/layers/reshaping_layers/up_sampling2d/
    """

    def __init__(
        self, size: int | tuple[int, int] = (2, 2), data_format: str | None = None, interpolation: str = "nearest",
        **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(**kwargs)
        self.size = sizes("UpSampling2D", "size", size, 2)
        self.data_format = channels_last("UpSampling2D", data_format)
        self.interpolation = chosen("UpSampling2D", "interpolation", interpolation, ("nearest", "bilinear"))

    def call(self, inputs: Tensor) -> Tensor:
        """Return the larger images."""
        if inputs.dim() != 4:
            self.compute_output_shape(inputs.shape)
        if self.interpolation == "nearest":
            repeated = inputs[:, :, None, :, None].expand(-1, -1, self.size[0], -1, self.size[1], -1)
            return repeated.flatten(3, 4).flatten(1, 2)
        height, width = inputs.shape[1] * self.size[0], inputs.shape[2] * self.size[1]
        return as_keras(functional.interpolate(as_torch(inputs), (height, width), mode="bilinear"), 2)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the larger images."""
        if len(input_shape) != 4:
            raise ShapeError(f"UpSampling2D expects {AXES[2]}, got {written(input_shape)}.")
        batch, *image, channels = input_shape
        grown = [None if n is None else n * factor for n, factor in zip(image, self.size, strict=True)]
        return (batch, *grown, channels)
