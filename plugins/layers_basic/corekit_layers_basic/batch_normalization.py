"""BatchNormalization, on torch's fused kernel, with Keras's moving averages.

Why not `torch.nn.functional.batch_norm` in training: its moving variance is the unbiased one, Keras's is the biased.
Renormalization, masks and statistics shared between processes are not part of it.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from corekit import Layer, constraints, example, initializers, regularizers
from corekit.errors import ArgumentError, ArgumentTypeError
from corekit_layers_basic.scaling import scale_of
from corekit_layers_basic.shapes import Shape, axis_index, known_size


@example((5,))
@example((None, None, 5), momentum=0.9, epsilon=1e-5)
@example((4, None), axis=1)
@example((4, 5, 2), axis=-2, center=False)
@example((4, 5), scale=False, beta_regularizer="l2")
@example((5,), trainable=False)
class BatchNormalization(Layer):
    """Bring each channel to mean 0 and variance 1, then scale and shift it.

    y = (x - mean) / sqrt(variance + epsilon) * gamma + beta

    In training, mean and (biased) variance are those of the batch, over all axes but `axis`, and the moving averages
    follow: moving = moving * momentum + batch * (1 - momentum). In inference, and always where `trainable` is False,
    the moving averages take their place and stay as they are.

    Shape: any -> the same; every weight has the size of `axis`. Channels last is computed without a copy.

    Args:
        axis: the channels; their number must be known.
        momentum: how much of the moving averages stays at each step, from 0 to 1. Torch's momentum is 1 minus this.
        epsilon: keeps the division finite; above 0. Keras's 1e-3, not torch's 1e-5.
        center: whether there is a beta.
        scale: whether there is a gamma; a linear layer right after makes it superfluous.
        beta_..., gamma_..., moving_...: first values, penalty and constraint of the weights.
        kwargs: name, trainable, dtype, activity_regularizer, input_shape; see Layer.

    Raises:
        ArgumentError: momentum or epsilon is out of range.
        ArgumentTypeError: axis is not a whole number.
        ShapeError: the input has no such axis, or its size is unknown.

    Example:
        >>> layer = BatchNormalization()
        >>> layer(torch.tensor([[1.0], [3.0]]), training=True).detach()
        tensor([[-0.9995],
                [ 0.9995]])
        >>> layer.moving_mean
        tensor([0.0200])

    Reference: https://keras.io/api/layers/normalization_layers/batch_normalization/; Ioffe, Szegedy, "Batch
        normalization", 2015, arXiv 1502.03167.
    """

    gamma: Tensor | None
    beta: Tensor | None
    moving_mean: Tensor
    moving_variance: Tensor

    def __init__(
        self, axis: int = -1, momentum: float = 0.99, epsilon: float = 1e-3, center: bool = True, scale: bool = True,
        beta_initializer: Any = "zeros", gamma_initializer: Any = "ones",
        moving_mean_initializer: Any = "zeros", moving_variance_initializer: Any = "ones",
        beta_regularizer: Any = None, gamma_regularizer: Any = None,
        beta_constraint: Any = None, gamma_constraint: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        if not isinstance(axis, int):
            raise ArgumentTypeError(f"BatchNormalization(axis={axis!r}): expected a whole number, for example axis=-1.")
        if not isinstance(momentum, (int, float)) or not 0 <= momentum <= 1:
            raise ArgumentError(f"BatchNormalization(momentum={momentum!r}): expected a number from 0 to 1.")
        if not isinstance(epsilon, (int, float)) or not epsilon > 0:
            raise ArgumentError(f"BatchNormalization(epsilon={epsilon!r}): expected a number above 0.")
        super().__init__(**kwargs)
        self.axis, self.momentum, self.epsilon, self.center, self.scale = axis, momentum, epsilon, center, scale
        self.beta_initializer = initializers.get(beta_initializer)
        self.gamma_initializer = initializers.get(gamma_initializer)
        self.moving_mean_initializer = initializers.get(moving_mean_initializer)
        self.moving_variance_initializer = initializers.get(moving_variance_initializer)
        self.beta_regularizer = regularizers.get(beta_regularizer)
        self.gamma_regularizer = regularizers.get(gamma_regularizer)
        self.beta_constraint = constraints.get(beta_constraint)
        self.gamma_constraint = constraints.get(gamma_constraint)

    def build(self, input_shape: Shape) -> None:
        """Make gamma, beta and the moving averages."""
        shape = (known_size("BatchNormalization", self.axis, input_shape),)
        self._is_last = axis_index("BatchNormalization", self.axis, input_shape) == len(input_shape) - 1
        self.gamma = None if not self.scale else self.add_weight(
            name="gamma", shape=shape,
            initializer=self.gamma_initializer, regularizer=self.gamma_regularizer, constraint=self.gamma_constraint,
        )  # fmt: skip
        self.beta = None if not self.center else self.add_weight(
            name="beta", shape=shape,
            initializer=self.beta_initializer, regularizer=self.beta_regularizer, constraint=self.beta_constraint,
        )  # fmt: skip
        self.moving_mean = self.add_weight(
            name="moving_mean", shape=shape, initializer=self.moving_mean_initializer, trainable=False
        )
        self.moving_variance = self.add_weight(
            name="moving_variance", shape=shape, initializer=self.moving_variance_initializer, trainable=False
        )

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        """Return the normalized inputs; in training, move the averages."""
        # Channels last is viewed as (numbers, channels), on which torch's kernels are as fast as on its own layouts.
        x = inputs.reshape(-1, inputs.shape[-1]) if self._is_last else inputs.movedim(self.axis, 1)
        gamma = scale_of(self.gamma, self.beta)
        if training and self.trainable and inputs.numel() > 0:  # an empty batch has no statistics
            y = self._normalize_batch(x, gamma)
        else:
            moving = self.moving_mean, self.moving_variance
            y = functional.batch_norm(x, *moving, gamma, self.beta, training=False, eps=self.epsilon)
        return y.reshape(inputs.shape) if self._is_last else y.movedim(1, self.axis)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the input's shape."""
        axis_index("BatchNormalization", self.axis, input_shape)
        return input_shape

    def _normalize_batch(self, x: Tensor, gamma: Tensor | None) -> Tensor:
        """Normalize (batch, channels, ...) with its own statistics, and move the averages towards them."""
        y, mean, inverse_deviation = torch.native_batch_norm(x, gamma, self.beta, None, None, True, 0.0, self.epsilon)
        with torch.no_grad():
            variance = inverse_deviation.square().reciprocal() - self.epsilon
            self.moving_mean.lerp_(mean.to(self.moving_mean.dtype), 1 - self.momentum)
            self.moving_variance.lerp_(variance.to(self.moving_variance.dtype), 1 - self.momentum)
        return y
