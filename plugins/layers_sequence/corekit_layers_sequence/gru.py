"""GRU: a recurrent layer with two gates, on torch's fused kernel."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from corekit import Layer, activations, constraints, example, initializers, regularizers
from corekit_layers_sequence import recurrence
from corekit_layers_sequence.arguments import Shape, features, no_seed, rate, whole
from corekit_layers_sequence.fused import gru, lay_transposed


@example((None, 2), units=4)
@example((5, 2), units=4, return_sequences=True, return_state=True, recurrent_regularizer="l2")
@example((5, 2), units=4, reset_after=False, go_backwards=True, return_sequences=True)
@example((5, 2), units=4, activation="relu", use_bias=False)
@example((5, 2), [(4,)], units=4, recurrent_activation="tanh")
@example((5, 2), units=4, dropout=0.5, recurrent_dropout=0.5)
class GRU(Layer):
    """Read a sequence step by step, with an output h that passes from step to step.

    z, r, n = the three parts of x W + b, and of h U + b';  n = tanh(n_x + sigmoid(r_x + r_h) n_h)
    h = sigmoid(z_x + z_h) h + (1 - sigmoid(z_x + z_h)) n

    The whole sequence is one call of torch's kernel (`fused`); with other activations, without reset_after, or with
    recurrent_dropout in training, it is a loop of plain operations, several times slower.

    Shape: (batch, steps, features) -> (batch, units), or (batch, steps, units) with return_sequences; with
    return_state a tuple of that and h of the last step. The kernel W is (features, 3 * units), the recurrent kernel U
    (units, 3 * units), the bias (2, 3 * units).

    Args:
        units: how many numbers h has.
        activation, recurrent_activation: tanh and sigmoid in the equation.
        use_bias: whether there are b and b'.
        kernel_..., recurrent_..., bias_...: first values, penalty and constraint of the weights.
        activity_regularizer: a penalty on the output, added to the loss.
        dropout: rate at which features of the input are dropped, in training, for all steps alike.
        recurrent_dropout: the same for h, where it enters the next step.
        seed: only None; see Dropout.
        return_sequences: whether to return the outputs of all steps, else that of the last.
        return_state: whether to return the last states too.
        go_backwards: whether to read the last step first; outputs are then in that order.
        stateful: only False.
        reset_after: whether r acts on h U, as in the equation; False: on h before it, and the bias is (3 * units,).
        unroll, use_cudnn: have no effect; torch chooses.
        kwargs: name, trainable, dtype, input_shape; see Layer.

    Raises:
        ArgumentError: an argument is out of range, or a seed, a mask or stateful is given.
        ShapeError: the input is not (batch, steps, features), or an initial state has another shape.

    Example:
        >>> layer = GRU(8, return_state=True)
        >>> outputs, h = layer(torch.ones(2, 5, 3))
        >>> outputs.shape, h.shape, layer.kernel.shape
        (torch.Size([2, 8]), torch.Size([2, 8]), torch.Size([3, 24]))

    Reference: https://keras.io/api/layers/recurrent_layers/gru/; Cho et al., 2014, arXiv 1406.1078.
    """

    kernel: Tensor
    recurrent_kernel: Tensor
    bias: Tensor | None

    def __init__(
        self, units: int, activation: Any = "tanh", recurrent_activation: Any = "sigmoid", use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform", recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros", kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None, bias_regularizer: Any = None, activity_regularizer: Any = None,
        kernel_constraint: Any = None, recurrent_constraint: Any = None, bias_constraint: Any = None,
        dropout: float = 0.0, recurrent_dropout: float = 0.0, seed: int | None = None, return_sequences: bool = False,
        return_state: bool = False, go_backwards: bool = False, stateful: bool = False, unroll: bool = False,
        reset_after: bool = True, use_cudnn: str | bool = "auto", **kwargs: Any,
    ) -> None:  # fmt: skip
        no_seed("GRU", seed)
        recurrence.no_stateful("GRU", stateful)
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.units = whole("GRU", "units", units, 64)
        self.activation = activations.get(activation)
        self.recurrent_activation = activations.get(recurrent_activation)
        self._is_plain = reset_after and (
            self.activation is activations.get("tanh") and self.recurrent_activation is activations.get("sigmoid")
        )
        self.use_bias, self.reset_after = use_bias, reset_after
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.recurrent_initializer = initializers.get(recurrent_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.recurrent_regularizer = regularizers.get(recurrent_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.recurrent_constraint = constraints.get(recurrent_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.dropout = rate("GRU", "dropout", dropout)
        self.recurrent_dropout = rate("GRU", "recurrent_dropout", recurrent_dropout)
        self.return_sequences, self.return_state, self.go_backwards = return_sequences, return_state, go_backwards

    def build(self, input_shape: Shape) -> None:
        """Make the kernels and the bias."""
        self.kernel = self.add_weight(
            name="kernel", shape=(features("GRU", input_shape), 3 * self.units),
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer, constraint=self.kernel_constraint,
        )  # fmt: skip
        self.recurrent_kernel = self.add_weight(
            name="recurrent_kernel", shape=(self.units, 3 * self.units),
            initializer=self.recurrent_initializer,
            regularizer=self.recurrent_regularizer, constraint=self.recurrent_constraint,
        )  # fmt: skip
        lay_transposed(self.kernel)
        lay_transposed(self.recurrent_kernel)
        self.bias = None if not self.use_bias else self.add_weight(
            name="bias", shape=(2, 3 * self.units) if self.reset_after else (3 * self.units,),
            initializer=self.bias_initializer,
            regularizer=self.bias_regularizer, constraint=self.bias_constraint,
        )  # fmt: skip

    def call(self, sequences: Tensor, initial_state: Any = None, mask: None = None, training: bool = False) -> Any:
        """Return the output of the last step, or what return_sequences and return_state ask for.

        Args:
            sequences: (batch, steps, features).
            initial_state: h before the first step, (batch, units), or a list of it; default zeros.
            mask: only None.
            training: whether to drop.
        """
        recurrence.no_mask("GRU", mask)
        x = recurrence.checked(self, sequences)
        (h,) = recurrence.first_states(self, initial_state, x, 1)
        separate = 3 if training and self.recurrent_dropout else 1  # as Keras draws them
        x_masks = [mask[:, None] for mask in recurrence.masks(x[:, 0], self.dropout if training else 0.0, separate)]
        h_masks = recurrence.masks(h, self.recurrent_dropout if training else 0.0, 3)
        if not self._is_plain or h_masks:
            y, h = self._loop(x, h, x_masks, h_masks)
            return recurrence.returned(self, y, (h,))
        for mask_of_x in x_masks:
            x = x * mask_of_x
        bias = x.new_zeros(2, 3 * self.units) if self.bias is None else self.bias
        y, h = gru(x, h, self.kernel, self.recurrent_kernel, bias)
        return recurrence.returned(self, y, (h,))

    def compute_output_shape(self, sequences_shape: Shape, initial_state_shape: Any = None) -> Any:
        """Return the output's shape, and the states' with return_state."""
        return recurrence.output_shape(self, sequences_shape, 1)

    def _loop(self, x: Tensor, h: Tensor, x_masks: list[Tensor], h_masks: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Return all outputs and the last one, in plain operations."""
        sizes = [2 * self.units, self.units]
        act, gate = self.activation or recurrence.identity, self.recurrent_activation or recurrence.identity
        b, b_of_h = (self.bias, None) if self.bias is None or not self.reset_after else self.bias.unbind(0)
        kernel_zr, kernel_n = torch.split(self.recurrent_kernel, sizes, dim=1)

        def step(now: tuple[Tensor, ...], states: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
            (h,), (x_zr, x_n) = states, torch.split(now[0], sizes, dim=-1)
            zr, of_n = recurrence.through(h, kernel_zr, h_masks[:2]), h * h_masks[2] if h_masks else h
            if b_of_h is not None:
                zr = zr + b_of_h[: 2 * self.units]
            z, r = gate(x_zr + zr).chunk(2, dim=-1)
            if self.reset_after:
                of_n = of_n @ kernel_n
                of_n = r * (of_n if b_of_h is None else of_n + b_of_h[2 * self.units :])
            else:
                of_n = (r * of_n) @ kernel_n
            return (z * h + (1 - z) * act(x_n + of_n),)

        of_x = recurrence.through(x, self.kernel, x_masks)
        y, h = recurrence.in_order(step, (of_x if b is None else of_x + b,), (h,))
        return y, h
