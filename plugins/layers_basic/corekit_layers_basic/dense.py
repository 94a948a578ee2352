"""Dense, the fully connected layer; without Keras's LoRA and quantization."""

from __future__ import annotations

from typing import Any

import torch

from corekit import Layer, activations, constraints, example, initializers, regularizers
from corekit.errors import ArgumentError, ShapeError
from corekit_layers_basic.shapes import Shape, known_size, written


@example((None, 5), units=4, activation="tanh")
@example((5,), units=4, use_bias=False, kernel_regularizer="l2", kernel_constraint="max_norm")
class Dense(Layer):
    """A fully connected layer: y = activation(x @ kernel + bias).

    Shape: x (batch, ..., in) -> (batch, ..., units), with kernel (in, units) and bias (units,).

    Args:
        units: size of the output's last axis.
        activation: applied to the sum; None leaves it as it is.
        use_bias: False before a normalization, which has an offset of its own.
        kernel_..., bias_...: first values, penalty and constraint of either weight.
        activity_regularizer, kwargs: a penalty on the output; name, trainable, dtype, input_shape; see Layer.

    Raises:
        ArgumentError: units is not a whole number from 1.
        ShapeError: the input has no feature axis, or not the size that the kernel was built for.

    Example:
        >>> layer = Dense(4, activation="relu")
        >>> layer(torch.ones(2, 3)).shape, layer.kernel.shape
        (torch.Size([2, 4]), torch.Size([3, 4]))

    Reference: https://keras.io/api/layers/core_layers/dense/
    """

    kernel: torch.Tensor
    bias: torch.Tensor | None

    def __init__(
        self, units: int, activation: Any = None, use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform", bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None, bias_regularizer: Any = None, activity_regularizer: Any = None,
        kernel_constraint: Any = None, bias_constraint: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        if not isinstance(units, int) or units < 1:
            raise ArgumentError(f"Dense(units={units!r}): expected a whole number from 1, for example Dense(10).")
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.units, self.use_bias, self.activation = units, use_bias, activations.get(activation)
        self.kernel_initializer, self.bias_initializer = map(initializers.get, (kernel_initializer, bias_initializer))
        self.kernel_regularizer, self.bias_regularizer = map(regularizers.get, (kernel_regularizer, bias_regularizer))
        self.kernel_constraint, self.bias_constraint = map(constraints.get, (kernel_constraint, bias_constraint))

    def build(self, input_shape: Shape) -> None:
        """Make the kernel and the bias."""
        self.compute_output_shape(input_shape)
        self.kernel = self.add_weight(
            name="kernel", shape=(known_size("Dense", -1, input_shape), self.units),
            initializer=self.kernel_initializer, regularizer=self.kernel_regularizer, constraint=self.kernel_constraint,
        )  # fmt: skip
        self.bias = None if not self.use_bias else self.add_weight(
            name="bias", shape=(self.units,),
            initializer=self.bias_initializer, regularizer=self.bias_regularizer, constraint=self.bias_constraint,
        )  # fmt: skip

    def logits(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return the output without the activation."""
        held: Any = self._parameters  # torch looks self.kernel up in Python, at half the cost of a small product
        kernel = held["kernel"] if "kernel" in held else self.kernel  # noqa: SIM401 - parametrized, it is not in there
        bias = held["bias"] if "bias" in held else self.bias  # noqa: SIM401 - get() would look for both
        x = inputs if inputs.is_floating_point() else inputs.to(kernel.dtype)
        try:
            if bias is None or x.dim() != 2:
                return x @ kernel if bias is None else x @ kernel + bias
            return torch.addmm(bias, x, kernel)  # one kernel instead of two
        except RuntimeError:
            self.compute_output_shape(inputs.shape)  # says what is wrong, where it is the shape
            raise

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return activation(inputs @ kernel + bias)."""
        outputs, activation = self.logits(inputs), self.activation
        return outputs if activation is None else activation(outputs)

    @property
    def link_activation(self) -> Any:  # type: ignore[override]  # read only here
        """The activation, which `logits` leaves out."""
        return self.activation

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the input's shape with `units` as its last size."""
        if len(input_shape) < 2:
            raise ShapeError(f"Dense expects (batch, ..., features), got {written(input_shape)}.")
        if self.built and input_shape[-1] not in (None, size := self.kernel.shape[0]):
            raise ShapeError(f'Dense "{self.name}" was built for (batch, ..., {size}), got {written(input_shape)}.')
        return (*input_shape[:-1], self.units)
