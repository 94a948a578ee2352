"""Which tensors an optimizer updates in one call: a list of one kind, or several small ones as one flat buffer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

State = dict[str, Tensor]


@dataclass
class Unit:
    """Parameters of one group, device and dtype that one call updates.

    Args:
        group: their group, as in torch; its "lr" is a 0-d tensor.
        decays: whether weight decay may touch them.
        is_flat: whether they are joined, updated as one tensor and copied back.
        params: the parameters.
        positions: their places among all parameters.
        states: one for each; a flat unit has one in all, and the parameters' own are views of its parts.
    """

    group: dict[str, Any]
    decays: bool
    is_flat: bool
    params: list[Tensor] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    states: list[State] = field(default_factory=list)

    def make_states(self, init: Callable[[Tensor], State], known: Any) -> None:
        """Make the states with `init`, with the values in `known` (parameter -> state) where it has them."""
        for whole, params in [(_join(self.params), self.params)] if self.is_flat else [(p, [p]) for p in self.params]:
            state = init(whole)
            for name, value in state.items():
                parts = _split(value, params) if self.is_flat and value.ndim else [value] * len(params)
                for param, part in zip(params, parts, strict=True):
                    known[param][name] = part.copy_(known[param].get(name, part))
            self.states.append(state)

    def update(self, grads: list[Any], rule: Callable[..., None], weight_decay: float | None) -> None:
        """Take the decay (the group's own comes first) off, then call `rule(params, grads, states, learning_rate)`."""
        params, rate = self.params, self.group["lr"]
        share = self.group.get("weight_decay", weight_decay)
        if self.is_flat:
            params, grads = [_join(params)], [_join(grads)]
        if self.decays and share:
            torch._foreach_mul_(params, (1 - rate * share).to(params[0].dtype))
        rule(params, list(map(_like, grads, params)), self.states, rate)
        if self.is_flat:
            torch._foreach_copy_(self.params, _split(params[0], self.params))


def partition(
    groups: list[dict[str, Any]], has_grad: Sequence[bool], kind: Callable[[Tensor], tuple[bool, bool]]
) -> list[Unit]:
    """Return the units of the parameters that have a gradient, without states.

    Args:
        groups: the optimizer's parameter groups.
        has_grad: for each parameter, in order.
        kind: tells of a parameter whether weight decay may touch it, and whether it may be part of a flat buffer.
    """
    units: dict[Any, Unit] = {}
    every = [(index, param) for index, group in enumerate(groups) for param in group["params"]]
    for position, (index, param) in enumerate(every):
        if has_grad[position]:
            decays, small = kind(param)
            key = (index, decays, small, param.device, param.dtype)
            unit = units.setdefault(key, Unit(groups[index], decays, small))
            unit.params.append(param)
            unit.positions.append(position)
    for unit in units.values():
        unit.is_flat = unit.is_flat and len(unit.params) > 1
    return list(units.values())


def _join(tensors: list[Tensor]) -> Tensor:
    return torch.cat([tensor.reshape(-1) for tensor in tensors])


def _split(flat: Tensor, like: list[Tensor]) -> list[Tensor]:
    pieces = torch.split(flat, [tensor.numel() for tensor in like])
    return [piece.view_as(tensor) for piece, tensor in zip(pieces, like, strict=True)]


def _like(grad: Tensor, param: Tensor) -> Tensor:
    """Return the gradient with its parameter's dtype and strides, which torch's fused kernels take for granted."""
    fits = grad.dtype == param.dtype and grad.stride() == param.stride()
    return grad if fits else torch.empty_like(param).copy_(grad)
