"""Identity, the layer that does nothing."""

from __future__ import annotations

from typing import Any

from corekit import Layer, example


@example((None,))
@example((4, 5))
class Identity(Layer):
    """A placeholder: y = x, also for lists and dicts of tensors.

    Shape: any -> the same.

    Args:
        kwargs: name, dtype, activity_regularizer, input_shape; see Layer.

    Example:
        >>> import torch
        >>> Identity()(torch.tensor([1.0, 2.0]))
        tensor([1., 2.])

    Reference: https://keras.io/api/layers/core_layers/identity/
    """

    def call(self, inputs: Any) -> Any:
        """Return the inputs."""
        return inputs

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the input's shape."""
        return input_shape
