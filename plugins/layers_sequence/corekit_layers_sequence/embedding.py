"""Embedding: a vector for each whole number."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from corekit import Layer, Values, constraints, example, initializers, regularizers
from corekit.errors import ArgumentError
from corekit_layers_sequence.arguments import Shape, whole


@example(Values((None,), high=7, dtype="int64"), input_dim=7, output_dim=4)
@example(Values((), high=7, dtype="int64"), input_dim=7, output_dim=4, embeddings_constraint="unit_norm")
@example(Values((5, 2), high=7, dtype="int32"), input_dim=7, output_dim=4, embeddings_regularizer="l2")
class Embedding(Layer):
    """Replace each whole number i by row i of a table that is learned.

    Shape: (batch, ...) -> (batch, ..., output_dim); the table, `embeddings`, is (input_dim, output_dim).

    Args:
        input_dim: how many numbers there are: the largest plus one.
        output_dim: length of each vector.
        embeddings_initializer: the table's first values.
        embeddings_regularizer: a penalty on the table, added to the loss.
        embeddings_constraint: applied to the table after each optimizer step.
        mask_zero: only False: corekit hands no masks from layer to layer.
        input_length: Keras 2's; it has no effect, any length is taken.
        kwargs: name, trainable, dtype, activity_regularizer, input_shape; see Layer.

    Raises:
        ArgumentError: a size is not a whole number from 1, or mask_zero is asked for.
        IndexError: a number is negative, or not below input_dim; torch's own error.

    Example:
        >>> layer = Embedding(1000, 64)
        >>> layer(torch.tensor([[1, 2, 3]])).shape
        torch.Size([1, 3, 64])

    Reference: https://keras.io/api/layers/core_layers/embedding/
    """

    embeddings: Tensor

    def __init__(
        self, input_dim: int, output_dim: int, embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None, embeddings_constraint: Any = None, mask_zero: bool = False,
        input_length: int | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        if mask_zero:
            raise ArgumentError(
                "Embedding(mask_zero=True): corekit hands no masks from layer to layer, so padding would count.\n"
                "  Leave mask_zero out, and tell the layer that must skip the padding, for example\n"
                "  MultiHeadAttention(2, 32)(x, x, attention_mask=(tokens != 0)[:, None, :])."
            )
        super().__init__(**kwargs)
        self.input_dim = whole("Embedding", "input_dim", input_dim, 20000)
        self.output_dim = whole("Embedding", "output_dim", output_dim, 32)
        self.embeddings_initializer = initializers.get(embeddings_initializer)
        self.embeddings_regularizer = regularizers.get(embeddings_regularizer)
        self.embeddings_constraint = constraints.get(embeddings_constraint)

    def build(self, input_shape: Shape) -> None:
        """Make the table."""
        self.embeddings = self.add_weight(
            name="embeddings", shape=(self.input_dim, self.output_dim), initializer=self.embeddings_initializer,
            regularizer=self.embeddings_regularizer, constraint=self.embeddings_constraint,
        )  # fmt: skip

    def call(self, inputs: Tensor) -> Tensor:
        """Return the rows of the table."""
        if inputs.dtype not in (torch.int64, torch.int32):
            inputs = inputs.long()  # what an Input without a dtype, or numpy's floats, bring
        return functional.embedding(inputs, self.embeddings)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the input's shape with output_dim after it."""
        return (*input_shape, self.output_dim)
