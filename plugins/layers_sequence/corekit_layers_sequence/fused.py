"""Torch's LSTM and GRU, called with Keras's weights.

A whole sequence is one operation for torch (oneDNN's on a CPU, cuDNN's on a GPU): 6 ms a training step where a loop
over 64 steps takes 50. Keras's kernels have the transposed shape of torch's, so those that lie transposed in memory
(`lay_transposed`) are passed as they are, and their gradients come back in the same strides.
"""

from __future__ import annotations

import torch
from torch import Tensor

from corekit_layers_sequence.opaque import is_traced, opaque

Three = tuple[Tensor, Tensor, Tensor]


def lay_transposed(matrix: Tensor) -> None:
    """Move the numbers of a new weight so that they lie transposed; it keeps its strides, and gradients have them."""
    matrix.data = matrix.data.t().contiguous().t()


def lstm(x: Tensor, h: Tensor, c: Tensor, kernel: Tensor, recurrent_kernel: Tensor, bias: Tensor) -> Three:
    """Return all outputs, the last output and the last carry.

    Args:
        x: (batch, steps, features).
        h: the first output, (batch, units).
        c: the first carry, (batch, units).
        kernel: (features, 4 * units), gates in the order input, forget, carry, output: torch's and Keras's.
        recurrent_kernel: (units, 4 * units).
        bias: (4 * units,).
    """
    if is_traced():
        y, last, carry = _OPAQUE_LSTM(*_autocast(x, h, c, kernel, recurrent_kernel, bias))
        return y, last, carry
    return _run_lstm(x, h, c, kernel, recurrent_kernel, bias)


def gru(x: Tensor, h: Tensor, kernel: Tensor, recurrent_kernel: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """Return all outputs and the last output.

    Args:
        x: (batch, steps, features).
        h: the first output, (batch, units).
        kernel: (features, 3 * units), gates in Keras's order update, reset, new; torch's is reset, update, new.
        recurrent_kernel: (units, 3 * units).
        bias: (2, 3 * units), of the inputs and of the recurrence.
    """
    if is_traced():
        y, last = _OPAQUE_GRU(*_autocast(x, h, kernel, recurrent_kernel, bias))
        return y, last
    return _run_gru(x, h, kernel, recurrent_kernel, bias)


def _autocast(*tensors: Tensor) -> tuple[Tensor, ...]:
    """Cast as autocast casts what it calls; it does not know the opaque operations."""
    device = tensors[0].device.type
    if device == "meta" or not torch.is_autocast_enabled(device):
        return tensors
    dtype = torch.get_autocast_dtype(device)
    return tuple(tensor if tensor.dtype == torch.float64 else tensor.to(dtype) for tensor in tensors)


def _run_lstm(x: Tensor, h: Tensor, c: Tensor, kernel: Tensor, recurrent_kernel: Tensor, bias: Tensor) -> Three:
    weights = [kernel.t(), recurrent_kernel.t(), bias, torch.zeros_like(bias)]
    train = torch.is_grad_enabled()  # whether to keep what backward needs; there is no dropout here
    y, last, carry = torch.lstm(x, [h[None], c[None]], weights, True, 1, 0.0, train, False, True)
    return y, last[0], carry[0]


def _run_gru(x: Tensor, h: Tensor, kernel: Tensor, recurrent_kernel: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    weights = [_reset_first(weight) for weight in (kernel.t(), recurrent_kernel.t(), *bias.unbind(0))]
    y, last = torch.gru(x, h[None], weights, True, 1, 0.0, torch.is_grad_enabled(), False, True)
    return y, last[0]


def _reset_first(weight: Tensor) -> Tensor:
    """Return a weight of 3 * units rows with the gates in torch's order, a copy."""
    update, reset, new = weight.chunk(3)
    return torch.cat([reset, update, new])


_OPAQUE_LSTM = opaque("lstm", _run_lstm, num_states=2)
_OPAQUE_GRU = opaque("gru", _run_gru, num_states=1)
