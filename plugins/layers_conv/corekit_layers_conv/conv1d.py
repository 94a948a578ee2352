"""Conv1D: a convolution over a row of steps, such as a time series or a text, channels last."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from corekit import Layer, activations, constraints, example, initializers, regularizers
from corekit_layers_conv.convolution import check_channels, check_counts, convolve, kernel_shape, kernel_window
from corekit_layers_conv.layout import lay_filters_first
from corekit_layers_conv.window import Shape, channels_last


@example((None, 3), filters=4, kernel_size=3)
@example((9, 3), filters=4, kernel_size=3, activation="relu", padding="causal", dilation_rate=2)
@example((9, 3), filters=4, kernel_size=2, strides=2, padding="same", use_bias=False)
@example((9, 3), filters=6, kernel_size=5, padding="same", groups=3)
class Conv1D(Layer):
    """Slide a kernel over the steps: y = activation(x * kernel + bias).

    Shape: (batch, steps, channels) -> (batch, new steps, filters); the kernel is (size, channels / groups,
    filters). It lies in memory with the filters first (see `layout`), so that nothing is copied.

    Args:
        filters: how many features each place gets.
        kernel_size: the kernel's length.
        strides: how far it moves; above 1 only where dilation_rate is 1.
        padding: "valid" for none, "same" for as much as keeps the size under stride 1 (the odd one out at the
            end),
            "causal" for all of it before the first step, so that no step sees a later one.
        data_format: only "channels_last".
        dilation_rate: the distance of the kernel's points.
        groups: into how many groups channels and filters are divided, each convolved on its own.
        activation: a name, a config, or a function of a tensor; None for a linear layer.
        use_bias: whether a bias is added; superfluous right before a normalization, which has an offset of its own.
        kernel_..., bias_...: first values, penalty and constraint of either weight.
        activity_regularizer: a penalty on the output, added to the loss.
        kwargs: name, trainable, dtype, input_shape; see Layer.

    Raises:
        ArgumentError: an argument is out of range, or channels first is asked for.
        ShapeError: the input has other axes or another number of channels, or is smaller than the kernel.

    Example:
        >>> import torch
        >>> layer = Conv1D(32, 3, padding="causal")
        >>> layer(torch.ones(2, 100, 8)).shape, layer.kernel.shape
        (torch.Size([2, 100, 32]), torch.Size([3, 8, 32]))

    Reference: https://keras.io/api/layers/convolution_layers/convolution1d/
    """

    kernel: Tensor
    bias: Tensor | None

    def __init__(
        self, filters: int, kernel_size: int | tuple[int], strides: int | tuple[int] = 1,
        padding: str = "valid", data_format: str | None = None, dilation_rate: int | tuple[int] = 1,
        groups: int = 1, activation: Any = None, use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform", bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None, bias_regularizer: Any = None, activity_regularizer: Any = None,
        kernel_constraint: Any = None, bias_constraint: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        check_counts("Conv1D", filters, groups)
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.window = kernel_window("Conv1D", 1, kernel_size, strides, padding, dilation_rate)
        self.data_format = channels_last("Conv1D", data_format)
        self.filters, self.groups, self.use_bias = filters, groups, use_bias
        self.activation = activations.get(activation)
        self._is_relu = self.activation is activations.get("relu")
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)

    def build(self, input_shape: Shape) -> None:
        """Make the kernel and the bias."""
        self.kernel = self.add_weight(
            name="kernel", shape=kernel_shape(self.window, input_shape, self.filters, self.groups),
            initializer=self.kernel_initializer, regularizer=self.kernel_regularizer, constraint=self.kernel_constraint,
        )  # fmt: skip
        lay_filters_first(self.kernel)
        self.bias = None if not self.use_bias else self.add_weight(
            name="bias", shape=(self.filters,),
            initializer=self.bias_initializer, regularizer=self.bias_regularizer, constraint=self.bias_constraint,
        )  # fmt: skip

    def logits(self, inputs: Tensor) -> Tensor:
        """Return the output without the activation."""
        return convolve(self, inputs)

    def call(self, inputs: Tensor) -> Tensor:
        """Return activation(inputs * kernel + bias)."""
        if self._is_relu:
            return convolve(self, inputs, relu=True)
        outputs = self.logits(inputs)
        return outputs if self.activation is None else self.activation(outputs)

    @property
    def link_activation(self) -> Any:  # type: ignore[override]  # read only here
        """The activation, which `logits` leaves out."""
        return self.activation

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (batch, ..., filters); None where a size is open."""
        shape = self.window.output_shape(tuple(input_shape), self.filters)
        if self.built:
            check_channels(self, input_shape)
        return shape
