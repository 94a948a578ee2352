"""MultiHeadAttention, on torch's fused scaled_dot_product_attention."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from corekit import Layer, Values, constraints, example, initializers, known_failure, layers, regularizers
from corekit.errors import ArgumentError, ShapeError
from corekit_layers_sequence.arguments import Shape, features, no_seed, rate, whole, written


@known_failure("second_gradients", "torch's fused attention has no second derivative")
@example((None, 6), (None, 6), num_heads=2, key_dim=4)
@example((5, 6), (7, 3), (7, 2), num_heads=2, key_dim=4)
@example((5, 6), (7, 6), num_heads=1, key_dim=4, value_dim=3, output_shape=5, use_bias=False)
@example((5, 6), (7, 6), (7, 6), Values((5, 7), high=2, dtype="bool"), num_heads=2, key_dim=4, kernel_regularizer="l2")
@example((5, 6), (5, 6), num_heads=2, key_dim=4, sliding_window=2)
@example((5, 6), (5, 6), num_heads=2, key_dim=4, dropout=0.5)
class MultiHeadAttention(Layer):
    """Let each step of `query` gather from the steps of `value` those whose `key` fits it, in several ways at once.

    For each head: softmax(Q K^T / sqrt(key_dim)) V, with Q, K, V linear in query, key and value. The heads' results,
    side by side, pass through one more linear layer.

    Shape: query (batch, T, features), value and key (batch, S, ...) -> (batch, T, output_shape); with
    return_attention_scores also (batch, heads, T, S). Kernels of query, key, value are (features, heads, dim), that
    of the output (heads, value_dim, output_shape).

    Args:
        num_heads: in how many ways.
        key_dim: length of each head's queries and keys.
        value_dim: length of each head's values; default key_dim.
        dropout: the rate at which attention weights are dropped in training; on a CPU they are then written down.
        use_bias: whether the linear layers have biases.
        output_shape: features of the output; default the query's.
        attention_axes: only None, for input with one axis between batch and features.
        sliding_window: steps further apart than this, itself included, do not see each other; default no limit.
        flash_attention: has no effect: torch chooses the fastest kernel that fits.
        kernel_..., bias_...: first values, penalty and constraint of the weights.
        activity_regularizer: a penalty on the output, added to the loss.
        seed: only None; see Dropout.
        kwargs: name, trainable, dtype, input_shape; see Layer.

    Raises:
        ArgumentError: an argument is out of range.
        ShapeError: an input is not (batch, steps, features), or keys and values differ in number.

    Example:
        >>> layer = MultiHeadAttention(num_heads=2, key_dim=16)
        >>> x = torch.ones(3, 10, 32)
        >>> layer(x, x).shape, layer.query_kernel.shape
        (torch.Size([3, 10, 32]), torch.Size([32, 2, 16]))

    Reference: https://keras.io/api/layers/attention_layers/multi_head_attention/; Vaswani et al., "Attention is all
        you need", 2017, arXiv 1706.03762.
    """

    query_kernel: Tensor
    query_bias: Tensor | None
    key_kernel: Tensor
    key_bias: Tensor | None
    value_kernel: Tensor
    value_bias: Tensor | None
    output_kernel: Tensor
    output_bias: Tensor | None

    def __init__(
        self, num_heads: int, key_dim: int, value_dim: int | None = None, dropout: float = 0.0, use_bias: bool = True,
        output_shape: int | tuple[int] | None = None, attention_axes: None = None, sliding_window: int | None = None,
        flash_attention: bool | None = None, kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros", kernel_regularizer: Any = None, bias_regularizer: Any = None,
        activity_regularizer: Any = None, kernel_constraint: Any = None, bias_constraint: Any = None,
        seed: int | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        no_seed("MultiHeadAttention", seed)
        if attention_axes is not None:
            raise ArgumentError(
                f"MultiHeadAttention(attention_axes={attention_axes!r}): only None.\n"
                "  Reshape the input to (batch, steps, features) before it, and back after it."
            )
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.num_heads = whole("MultiHeadAttention", "num_heads", num_heads, 2)
        self.key_dim = whole("MultiHeadAttention", "key_dim", key_dim, 32)
        self.value_dim = key_dim if value_dim is None else whole("MultiHeadAttention", "value_dim", value_dim, 32)
        self.dropout, self.use_bias = layers.Dropout(rate("MultiHeadAttention", "dropout", dropout)), use_bias
        last = output_shape[0] if isinstance(output_shape, (tuple, list)) and len(output_shape) == 1 else output_shape
        self.output_dim = None if last is None else whole("MultiHeadAttention", "output_shape", last, 32)
        span = sliding_window
        self.sliding_window = None if span is None else whole("MultiHeadAttention", "sliding_window", span, 128)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)

    def build(self, query_shape: Shape, value_shape: Shape | None = None, key_shape: Shape | None = None) -> None:
        """Make kernel and bias of the four linear layers."""
        value_shape = query_shape if value_shape is None else value_shape
        key_shape = value_shape if key_shape is None else key_shape
        self.compute_output_shape(query_shape, value_shape, key_shape)
        size, heads = features("MultiHeadAttention", query_shape), self.num_heads
        self._add_linear("query", (size, heads, self.key_dim), 1)
        self._add_linear("key", (features("MultiHeadAttention", key_shape), heads, self.key_dim), 1)
        self._add_linear("value", (features("MultiHeadAttention", value_shape), heads, self.value_dim), 1)
        self._add_linear("output", (heads, self.value_dim, self.output_dim or size), 2)

    def call(
        self, query: Tensor, value: Tensor, key: Tensor | None = None, attention_mask: Tensor | None = None,
        return_attention_scores: bool = False, training: bool = False, use_causal_mask: bool = False,
    ) -> Any:  # fmt: skip
        """Return what each step of the query gathered.

        Args:
            query: (batch, T, features).
            value: (batch, S, features).
            key: (batch, S, features); default the value.
            attention_mask: (batch, T, S) or broadcastable to it, also (batch, heads, T, S): True, or any number but
                0, where a step of the query may look.
            return_attention_scores: whether to return the weights too; slower, for they are then written down.
            training: whether to drop weights.
            use_causal_mask: whether no step may look at a later one.
        """
        key = value if key is None else key
        if not query.dim() == value.dim() == key.dim() == 3 or value.shape[1] != key.shape[1]:
            self.compute_output_shape(query.shape, value.shape, key.shape)
        q, k, v = self._projected(query, key, value)  # each (batch, heads, steps, dim)
        mask = self._mask(q, k, attention_mask, use_causal_mask)
        is_causal = use_causal_mask and mask is None
        drops = training and self.dropout.rate > 0
        scores = None
        if return_attention_scores or (drops and query.device.type == "cpu"):  # Dropout is faster there than torch's
            scores = _scores(q, k, mask, is_causal)
            gathered = self.dropout(scores, training=training) @ v
        else:
            rate_now = self.dropout.rate if drops else 0.0
            gathered = functional.scaled_dot_product_attention(q, k, v, mask, rate_now, is_causal)
        outputs = functional.linear(
            gathered.transpose(1, 2).flatten(2), self.output_kernel.flatten(0, 1).t(), self.output_bias
        )
        return (outputs, scores) if return_attention_scores else outputs

    def compute_output_shape(
        self, query_shape: Shape, value_shape: Shape | None = None, key_shape: Shape | None = None
    ) -> Shape:
        """Return the query's shape with the output's features."""
        value_shape = query_shape if value_shape is None else value_shape
        for shape in (query_shape, value_shape, value_shape if key_shape is None else key_shape):
            if len(shape) != 3:
                raise ShapeError(f"MultiHeadAttention expects (batch, steps, features), got {written(shape)}.")
        if key_shape is not None and key_shape[1] != value_shape[1]:
            raise ShapeError(
                "MultiHeadAttention needs a key for each value, "
                f"got keys of shape {written(key_shape)} and values of shape {written(value_shape)}."
            )
        return (*query_shape[:2], self.output_dim or query_shape[2])

    def _add_linear(self, name: str, shape: tuple[int, ...], num_inputs: int) -> None:
        """Make a kernel whose first `num_inputs` axes are the input's, and its bias."""
        self.add_weight(
            name=f"{name}_kernel", shape=shape, initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer, constraint=self.kernel_constraint,
        )  # fmt: skip
        if not self.use_bias:
            setattr(self, f"{name}_bias", None)
            return
        self.add_weight(
            name=f"{name}_bias", shape=shape[num_inputs:], initializer=self.bias_initializer,
            regularizer=self.bias_regularizer, constraint=self.bias_constraint,
        )  # fmt: skip

    def _projected(self, query: Tensor, key: Tensor, value: Tensor) -> list[Tensor]:
        """Return queries, keys and values, each (batch, heads, steps, dim)."""
        kernels = [self.query_kernel, self.key_kernel, self.value_kernel]
        biases = [self.query_bias, self.key_bias, self.value_bias]
        if query is key is value and self.key_dim == self.value_dim:  # one product instead of three: 10 % of the whole
            kernel = torch.cat(kernels, dim=1)
            bias = None if biases[0] is None else torch.cat([b for b in biases if b is not None])
            return [part.transpose(1, 2) for part in _linear(query, kernel, bias).chunk(3, dim=2)]
        inputs = zip((query, key, value), kernels, biases, strict=True)
        return [_linear(x, kernel, bias).transpose(1, 2) for x, kernel, bias in inputs]

    def _mask(self, q: Tensor, k: Tensor, attention_mask: Tensor | None, use_causal_mask: bool) -> Tensor | None:
        """Return one mask that says all; None where a kernel's own causal mask does, or none is needed."""
        if attention_mask is None and self.sliding_window is None:
            return None
        mask = None
        if attention_mask is not None:
            mask = attention_mask.bool()
            mask = mask.unsqueeze(-3) if mask.dim() == 3 else mask
        if use_causal_mask or self.sliding_window is not None:
            distance = torch.arange(q.shape[2], device=q.device)[:, None] - torch.arange(k.shape[2], device=q.device)
            if use_causal_mask:
                mask = distance >= 0 if mask is None else mask & (distance >= 0)
            if self.sliding_window is not None:
                near = distance.abs() < self.sliding_window
                mask = near if mask is None else mask & near
        return mask


def _linear(x: Tensor, kernel: Tensor, bias: Tensor | None) -> Tensor:
    """Return x (batch, steps, features) by a kernel (features, heads, dim), as (batch, steps, heads, dim)."""
    y = functional.linear(x, kernel.flatten(1).t(), None if bias is None else bias.flatten())
    return y.view(*x.shape[:2], *kernel.shape[1:])


def _scores(q: Tensor, k: Tensor, mask: Tensor | None, is_causal: bool) -> Tensor:
    """Return the attention weights, (batch, heads, T, S)."""
    products = (q / math.sqrt(q.shape[-1])) @ k.mT
    if is_causal:
        mask = torch.ones(products.shape[2:], dtype=torch.bool, device=q.device).tril()
    if mask is not None:  # not -inf: as in Keras, a step that may look nowhere looks everywhere
        products = products.masked_fill(~mask, torch.finfo(products.dtype).min)
    return products.softmax(-1)
