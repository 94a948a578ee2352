"""LayerNormalization, on torch's fused kernel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor
from torch.nn import functional

from corekit import Layer, constraints, example, initializers, regularizers
from corekit.errors import ArgumentError, ArgumentTypeError
from corekit_layers_basic.scaling import scale_of
from corekit_layers_basic.shapes import Shape, axis_index, known_size


@example((5,))
@example((4, 5), axis=[1, 2])
@example((4, None, 2), axis=(3, 1), epsilon=1e-5)
@example((None, 5), axis=[-1], scale=False)
@example((4, 5), center=False, gamma_regularizer="l2")
class LayerNormalization(Layer):
    """Bring each sample to mean 0 and variance 1 along `axis`, then scale and shift it.

    y = (x - mean(x)) / sqrt(var(x) + epsilon) * gamma + beta, with mean and (biased) variance taken over `axis`.

    Shape: any -> the same; gamma and beta have the sizes of the normalized axes.

    Args:
        axis: the axis or axes to normalize; their sizes must be known.
        epsilon: keeps the division finite. Keras's 1e-3, not torch's 1e-5.
        center: whether there is a beta.
        scale: whether there is a gamma; a linear layer right after makes it superfluous.
        beta_..., gamma_...: first values, penalty and constraint of either weight.
        kwargs: name, trainable, dtype, activity_regularizer, input_shape; see Layer.

    Raises:
        ArgumentError: epsilon is not a number from 0.
        ArgumentTypeError: axis is not a whole number or a list of them.
        ShapeError: the input has no such axis, or its size is unknown.

    Example:
        >>> import torch
        >>> LayerNormalization()(torch.tensor([[1.0, 3.0]])).detach()
        tensor([[-0.9995,  0.9995]])

    Reference: https://keras.io/api/layers/normalization_layers/layer_normalization/; Ba, Kiros, Hinton, "Layer
        normalization", 2016, arXiv 1607.06450.
    """

    gamma: Tensor | None
    beta: Tensor | None

    def __init__(
        self, axis: int | Sequence[int] = -1, epsilon: float = 1e-3, center: bool = True, scale: bool = True,
        beta_initializer: Any = "zeros", gamma_initializer: Any = "ones",
        beta_regularizer: Any = None, gamma_regularizer: Any = None,
        beta_constraint: Any = None, gamma_constraint: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        axes = [axis] if isinstance(axis, int) else axis
        if not isinstance(axes, (list, tuple)) or not axes or not all(isinstance(one, int) for one in axes):
            raise ArgumentTypeError(
                f"LayerNormalization(axis={axis!r}): expected a whole number or a list of them, for example axis=-1."
            )
        if not isinstance(epsilon, (int, float)) or not epsilon >= 0:
            raise ArgumentError(f"LayerNormalization(epsilon={epsilon!r}): expected a number from 0, usually 1e-3.")
        super().__init__(**kwargs)
        self.axis, self.epsilon, self.center, self.scale = axis, epsilon, center, scale
        self.beta_initializer = initializers.get(beta_initializer)
        self.gamma_initializer = initializers.get(gamma_initializer)
        self.beta_regularizer = regularizers.get(beta_regularizer)
        self.gamma_regularizer = regularizers.get(gamma_regularizer)
        self.beta_constraint = constraints.get(beta_constraint)
        self.gamma_constraint = constraints.get(gamma_constraint)

    def build(self, input_shape: Shape) -> None:
        """Make gamma and beta."""
        axes = self._axes(input_shape)
        self._sizes = tuple(known_size("LayerNormalization", axis, input_shape) for axis in axes)
        self._from = tuple(axis - len(input_shape) for axis in axes)
        self._to = tuple(range(-len(axes), 0))
        self.gamma = None if not self.scale else self.add_weight(
            name="gamma", shape=self._sizes,
            initializer=self.gamma_initializer, regularizer=self.gamma_regularizer, constraint=self.gamma_constraint,
        )  # fmt: skip
        self.beta = None if not self.center else self.add_weight(
            name="beta", shape=self._sizes,
            initializer=self.beta_initializer, regularizer=self.beta_regularizer, constraint=self.beta_constraint,
        )  # fmt: skip

    def call(self, inputs: Tensor) -> Tensor:
        """Return the normalized inputs."""
        is_last = self._from == self._to  # torch's kernel works along the last axes
        x = inputs if is_last else inputs.movedim(self._from, self._to)
        y = functional.layer_norm(x, self._sizes, scale_of(self.gamma, self.beta), self.beta, self.epsilon)
        return y if is_last else y.movedim(self._to, self._from)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the input's shape."""
        self._axes(input_shape)
        return input_shape

    def _axes(self, shape: Shape) -> list[int]:
        """Return the normalized axes, counted from 0, in order."""
        axes = [self.axis] if isinstance(self.axis, int) else self.axis
        return sorted(axis_index("LayerNormalization", axis, shape) for axis in axes)
