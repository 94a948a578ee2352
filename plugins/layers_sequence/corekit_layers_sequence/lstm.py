"""LSTM: a recurrent layer that learns what to keep, on torch's fused kernel."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from corekit import Layer, activations, constraints, example, initializers, regularizers
from corekit_layers_sequence import recurrence
from corekit_layers_sequence.arguments import Shape, features, no_seed, rate, whole
from corekit_layers_sequence.fused import lay_transposed, lstm


@example((None, 2), units=4)
@example((5, 2), units=4, return_sequences=True, return_state=True, kernel_regularizer="l2")
@example((5, 2), units=4, use_bias=False, go_backwards=True, return_sequences=True)
@example((5, 2), units=4, activation="relu", recurrent_activation=None)
@example((5, 2), [(4,), (4,)], units=4, return_state=True)
@example((5, 2), units=4, dropout=0.5, recurrent_dropout=0.5)
class LSTM(Layer):
    """Read a sequence step by step, with an output h and a carry c that pass from step to step.

    i, f, g, o = split(x W + h U + b);  c = sigmoid(f) c + sigmoid(i) tanh(g);  h = sigmoid(o) tanh(c)

    The whole sequence is one call of torch's kernel (`fused`); with other activations, or with recurrent_dropout in
    training, it is a loop of plain operations, about ten times slower.

    Shape: (batch, steps, features) -> (batch, units), or (batch, steps, units) with return_sequences; with
    return_state a tuple of that, h and c of the last step. The kernel W is (features, 4 * units), the recurrent
    kernel U (units, 4 * units).

    Args:
        units: how many numbers h and c have.
        activation, recurrent_activation: tanh and sigmoid in the equation.
        use_bias: whether there is a b.
        kernel_..., recurrent_..., bias_...: first values, penalty and constraint of the weights.
        unit_forget_bias: start with 1 in the bias of f, so that the layer remembers at first.
        activity_regularizer: a penalty on the output, added to the loss.
        dropout: rate at which features of the input are dropped, in training, for all steps alike.
        recurrent_dropout: the same for h, where it enters the next step.
        seed: only None; see Dropout.
        return_sequences: whether to return the outputs of all steps, else that of the last.
        return_state: whether to return the last states too.
        go_backwards: whether to read the last step first; outputs are then in that order.
        stateful: only False.
        unroll, use_cudnn: have no effect; torch chooses.
        kwargs: name, trainable, dtype, input_shape; see Layer.

    Raises:
        ArgumentError: an argument is out of range, or a seed, a mask or stateful is given.
        ShapeError: the input is not (batch, steps, features), or an initial state has another shape.

    Example:
        >>> import torch
        >>> layer = LSTM(8, return_state=True)
        >>> outputs, h, c = layer(torch.ones(2, 5, 3))
        >>> outputs.shape, c.shape, layer.kernel.shape
        (torch.Size([2, 8]), torch.Size([2, 8]), torch.Size([3, 32]))

    Reference: https://keras.io/api/layers/recurrent_layers/lstm/; Hochreiter, Schmidhuber, "Long short-term memory",
        Neural Computation 9, 1997.
    """

    kernel: Tensor
    recurrent_kernel: Tensor
    bias: Tensor | None

    def __init__(
        self, units: int, activation: Any = "tanh", recurrent_activation: Any = "sigmoid", use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform", recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros", unit_forget_bias: bool = True, kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None, bias_regularizer: Any = None, activity_regularizer: Any = None,
        kernel_constraint: Any = None, recurrent_constraint: Any = None, bias_constraint: Any = None,
        dropout: float = 0.0, recurrent_dropout: float = 0.0, seed: int | None = None, return_sequences: bool = False,
        return_state: bool = False, go_backwards: bool = False, stateful: bool = False, unroll: bool = False,
        use_cudnn: str | bool = "auto", **kwargs: Any,
    ) -> None:  # fmt: skip
        no_seed("LSTM", seed)
        recurrence.no_stateful("LSTM", stateful)
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.units = whole("LSTM", "units", units, 64)
        self.activation = activations.get(activation)
        self.recurrent_activation = activations.get(recurrent_activation)
        self._is_plain = self.activation is activations.get("tanh") and self.recurrent_activation is activations.get(
            "sigmoid"
        )
        self.use_bias, self.unit_forget_bias = use_bias, unit_forget_bias
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.recurrent_initializer = initializers.get(recurrent_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.recurrent_regularizer = regularizers.get(recurrent_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.recurrent_constraint = constraints.get(recurrent_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.dropout = rate("LSTM", "dropout", dropout)
        self.recurrent_dropout = rate("LSTM", "recurrent_dropout", recurrent_dropout)
        self.return_sequences, self.return_state, self.go_backwards = return_sequences, return_state, go_backwards

    def build(self, input_shape: Shape) -> None:
        """Make the kernels and the bias."""
        self.kernel = self.add_weight(
            name="kernel", shape=(features("LSTM", input_shape), 4 * self.units),
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer, constraint=self.kernel_constraint,
        )  # fmt: skip
        self.recurrent_kernel = self.add_weight(
            name="recurrent_kernel", shape=(self.units, 4 * self.units),
            initializer=self.recurrent_initializer,
            regularizer=self.recurrent_regularizer, constraint=self.recurrent_constraint,
        )  # fmt: skip
        lay_transposed(self.kernel)
        lay_transposed(self.recurrent_kernel)
        self.bias = None if not self.use_bias else self.add_weight(
            name="bias", shape=(4 * self.units,), initializer=self.bias_initializer,
            regularizer=self.bias_regularizer, constraint=self.bias_constraint,
        )  # fmt: skip
        if self.bias is not None and self.unit_forget_bias:
            self.bias.data[self.units : 2 * self.units] = 1.0

    def call(self, sequences: Tensor, initial_state: Any = None, mask: None = None, training: bool = False) -> Any:
        """Return the output of the last step, or what return_sequences and return_state ask for.

        Args:
            sequences: (batch, steps, features).
            initial_state: [h, c] before the first step, each (batch, units); default zeros.
            mask: only None.
            training: whether to drop.
        """
        recurrence.no_mask("LSTM", mask)
        x = recurrence.checked(self, sequences)
        h, c = recurrence.first_states(self, initial_state, x, 2)
        separate = 4 if training and self.recurrent_dropout else 1  # as Keras draws them
        x_masks = [mask[:, None] for mask in recurrence.masks(x[:, 0], self.dropout if training else 0.0, separate)]
        h_masks = recurrence.masks(h, self.recurrent_dropout if training else 0.0, 4)
        if not self._is_plain or h_masks:
            return recurrence.returned(self, *self._loop(x, (h, c), x_masks, h_masks))
        for mask_of_x in x_masks:
            x = x * mask_of_x
        bias = x.new_zeros(4 * self.units) if self.bias is None else self.bias
        y, h, c = lstm(x, h, c, self.kernel, self.recurrent_kernel, bias)
        return recurrence.returned(self, y, (h, c))

    def compute_output_shape(self, sequences_shape: Shape, initial_state_shape: Any = None) -> Any:
        """Return the output's shape, and the states' with return_state."""
        return recurrence.output_shape(self, sequences_shape, 2)

    def _loop(
        self, x: Tensor, states: tuple[Tensor, ...], x_masks: list[Tensor], h_masks: list[Tensor]
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Return all outputs and the last states, in plain operations."""
        act, gate = self.activation or recurrence.identity, self.recurrent_activation or recurrence.identity

        def step(now: tuple[Tensor, ...], states: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
            h, c = states
            i, f, g, o = (now[0] + recurrence.through(h, self.recurrent_kernel, h_masks)).chunk(4, dim=-1)
            c = gate(f) * c + gate(i) * act(g)
            return gate(o) * act(c), c

        of_x = recurrence.through(x, self.kernel, x_masks)
        y, *states_after = recurrence.in_order(step, (of_x if self.bias is None else of_x + self.bias,), states)
        return y, tuple(states_after)
