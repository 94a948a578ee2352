"""What LSTM and GRU share: checks, first states, dropout, the plain loop, and what a call returns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from corekit.errors import ArgumentError, ShapeError
from corekit_layers_sequence.arguments import Shape, features, written

Step = Callable[[tuple[Tensor, ...], tuple[Tensor, ...]], tuple[Tensor, ...]]


def no_stateful(layer: str, stateful: bool) -> None:
    """Refuse a state that is kept from batch to batch.

    Raises:
        ArgumentError: it is asked for.
    """
    if stateful:
        raise ArgumentError(
            f"{layer}(stateful=True): a corekit layer keeps no state from batch to batch.\n"
            f"  Write  {layer}(..., return_state=True)  and hand the states on:  layer(x, initial_state=states)."
        )


def no_mask(layer: str, mask: Any) -> None:
    """Refuse a mask.

    Raises:
        ArgumentError: there is one.
    """
    if mask is not None:
        raise ArgumentError(
            f"{layer}: a mask is not supported; every step counts.\n"
            "  Pad at the start of the sequences, so that the last steps are real ones, and leave the mask out."
        )


def checked(layer: Any, inputs: Tensor) -> Tensor:
    """Return the sequences in the weights' dtype, and in the order in which they are read.

    Raises:
        ShapeError: they are not (batch, steps, features), or have other features than the kernel, or no step.
    """
    if inputs.dim() != 3 or inputs.shape[2] != layer.kernel.shape[0]:
        layer.compute_output_shape(inputs.shape)
    if inputs.shape[1] == 0:
        raise ShapeError(f"{type(layer).__name__} needs one step or more, got {written(inputs.shape)}.")
    if not inputs.is_floating_point():
        inputs = inputs.to(layer.kernel.dtype)
    return inputs.flip(1) if layer.go_backwards else inputs


def first_states(layer: Any, initial_state: Any, inputs: Tensor, count: int) -> tuple[Tensor, ...]:
    """Return the states before the first step: those that were given, or zeros.

    Raises:
        ShapeError: another number of states was given, or one of another shape.
    """
    shape = (inputs.shape[0], layer.units)
    if initial_state is None:
        return (inputs.new_zeros(shape),) * count
    states = tuple(initial_state) if isinstance(initial_state, (list, tuple)) else (initial_state,)
    if len(states) != count or any(tuple(state.shape) != shape for state in states):
        got = ", ".join(str(tuple(state.shape)) for state in states)
        raise ShapeError(f"{type(layer).__name__} needs {count} initial states of shape {shape}, got {got}.")
    return states


def masks(like: Tensor, rate: float, count: int) -> list[Tensor]:
    """Return dropout masks of one step's shape, for all steps: 0 or 1 / (1 - rate). None where the rate is 0."""
    return [functional.dropout(torch.ones_like(like), rate) for _ in range(count if rate else 0)]


def identity(x: Tensor) -> Tensor:
    """Return x: what no activation is."""
    return x


def through(x: Tensor, kernel: Tensor, masked_by: list[Tensor]) -> Tensor:
    """Return x @ kernel, with x dropped by one mask, or each gate's own copy of x by the gate's."""
    if len(masked_by) < 2:
        return (x * masked_by[0] if masked_by else x) @ kernel
    gates = kernel.chunk(len(masked_by), dim=1)
    return torch.cat([(x * mask) @ gate for mask, gate in zip(masked_by, gates, strict=True)], dim=-1)


def in_order(step: Step, inputs: tuple[Tensor, ...], states: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """Return all outputs, (batch, steps, units), and the last states, step by step.

    Args:
        step: takes one step of each input, and the states; gives the new states, of which the first is the output.
        inputs: each (batch, steps, ...).
        states: before the first step.
    """
    outputs = []
    for now in zip(*(x.unbind(1) for x in inputs), strict=True):
        states = step(now, states)
        outputs.append(states[0])
    return torch.stack(outputs, dim=1), *states


def returned(layer: Any, outputs: Tensor, states: tuple[Tensor, ...]) -> Any:
    """Return what the layer was asked for."""
    y = outputs if layer.return_sequences else states[0]
    return (y, *states) if layer.return_state else y


def output_shape(layer: Any, input_shape: Shape, num_states: int) -> Any:
    """Return the shape, or shapes, of what the layer was asked for.

    Raises:
        ShapeError: the input is not (batch, steps, features), or has other features than the kernel.
    """
    size, name = features(type(layer).__name__, input_shape), type(layer).__name__
    if layer.built and size != layer.kernel.shape[0]:
        raise ShapeError(
            f'{name} "{layer.name}" was built for (batch, steps, {layer.kernel.shape[0]}), got {written(input_shape)}.'
        )
    state = (input_shape[0], layer.units)
    y = (*input_shape[:2], layer.units) if layer.return_sequences else state
    return (y, *(state,) * num_states) if layer.return_state else y
