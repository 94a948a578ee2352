"""Which tensors an optimizer updates in one call, and how: by a fused kernel, joined in one buffer, or as a list."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, Literal

import torch
from torch import Tensor

from corekit.protocols.tracing import is_traced

State = dict[str, Tensor]
Way = Literal["fused", "flat", "listed"]

_FUSED_DEVICES = ("cpu", "cuda")
_FUSED_DTYPES = (torch.float32, torch.bfloat16, torch.float16)
_DTYPE = attrgetter("dtype")


@dataclass
class Unit:
    """Parameters of one group, device and dtype that one call updates.

    Args:
        group: their group, as in torch; its "lr" is a 0-d tensor.
        decays: whether weight decay may touch them.
        way: "fused": by `update_fused`; "flat": joined, updated as one tensor and copied back; "listed": as they lie.
        params: the parameters.
        positions: their places among all parameters.
        states: one for each; a flat unit has one in all, and the parameters' own are views of its parts.
        columns: the same state tensors by name, a list for each; `update_fused` wants them so.
        step: the step count on their device, a 0-d tensor.
    """

    group: dict[str, Any]
    decays: bool
    way: Way
    params: list[Tensor] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    states: list[State] = field(default_factory=list)
    columns: dict[str, list[Tensor]] = field(default_factory=dict)
    step: Tensor = field(default_factory=lambda: torch.zeros(()))

    def __post_init__(self) -> None:
        """Look once at what is the same in every step."""
        self.aliases: list[Tensor] = []  # of the parameters; a kernel takes plain tensors 8 % faster than Parameters
        self._addresses: list[int] = []
        self._strides: list[tuple[int, ...]] = []
        self._dtypes: list[torch.dtype] = []

    def make_states(self, init: Callable[[Tensor], State], known: Any, step: Tensor) -> None:
        """Make the states with `init`, with the values in `known` (parameter -> state) where it has them."""
        flat, self.step = self.way == "flat", step
        for whole, params in [(_join(self.params), self.params)] if flat else [(p, [p]) for p in self.params]:
            state = init(whole)
            for name, value in state.items():
                parts = _split(value, params) if flat and value.ndim else [value] * len(params)
                for param, part in zip(params, parts, strict=True):
                    known[param][name] = part.copy_(known[param].get(name, part))
            self.states.append(state)
        self.columns = {name: [state[name] for state in self.states] for name in self.states[0]}
        for state in [*self.states, *(known[param] for param in self.params)]:
            state["step"] = step
        if self.way == "fused" and not is_traced():
            self.aliases = [param.detach() for param in self.params]
            self._addresses = [param.data_ptr() for param in self.params]
            self._strides = [param.stride() for param in self.params]
            self._dtypes = [param.dtype for param in self.params]

    def share(self, weight_decay: float | None) -> float:
        """Return the weight decay; the group's own comes before the optimizer's."""
        return (self.group.get("weight_decay", weight_decay) or 0.0) if self.decays else 0.0

    def update(self, grads: list[Tensor], rule: Callable[..., None], weight_decay: float | None) -> None:
        """Take the decay off, then call `rule(params, grads, states, learning_rate)`."""
        params, rate, share = self.params, self.group["lr"], self.share(weight_decay)
        if self.way == "flat":
            params, grads = [_join(params)], [_join(grads)]
        if share:
            torch._foreach_mul_(params, (1 - rate * share).to(params[0].dtype))
        rule(params, list(map(_like, grads, params)), self.states, rate)
        if self.way == "flat":
            torch._foreach_copy_(self.params, _split(params[0], self.params))

    def is_where(self, grads: Sequence[Any], is_readable: bool) -> bool:
        """Whether the parameters are on their gradients' device, and lie where they lay when states were made."""
        if is_readable and self.aliases:
            return list(map(Tensor.data_ptr, self.params)) == self._addresses
        return bool(grads[self.positions[0]].device == self.step.device)

    def aligned(self, grads: list[Tensor], is_readable: bool) -> list[Tensor]:
        """Return the gradients with their parameters' dtypes and strides, which fused kernels take for granted."""
        if not (is_readable and self.aliases):
            return list(map(_like, grads, self.params))
        fit = list(map(Tensor.stride, grads)) == self._strides and list(map(_DTYPE, grads)) == self._dtypes
        return grads if fit else list(map(_like, grads, self.params))  # 0.1 us for a tensor, or 0.4


def partition(
    groups: list[dict[str, Any]], has_grad: Sequence[bool], kind: Callable[[Tensor], tuple[bool, Way]]
) -> list[Unit]:
    """Return the units of the parameters that have a gradient, without states.

    Args:
        groups: the optimizer's parameter groups.
        has_grad: for each parameter, in order.
        kind: tells of a parameter whether weight decay may touch it, and which way it may be updated.
    """
    units: dict[Any, Unit] = {}
    every = [(index, param) for index, group in enumerate(groups) for param in group["params"]]
    for position, (index, param) in enumerate(every):
        if has_grad[position]:
            decays, way = kind(param)
            key = (index, decays, way, param.device, param.dtype)
            unit = units.setdefault(key, Unit(groups[index], decays, way))
            unit.params.append(param)
            unit.positions.append(position)
    for unit in units.values():
        if unit.way == "flat" and len(unit.params) == 1:
            unit.way = "listed"
    return list(units.values())


def choose_way(param: Tensor, *, fused: bool, joined: bool) -> Way:
    """Return how a parameter is updated, where a fused kernel is there, or joining small tensors allowed.

    Fused kernels walk memory, so the elements must fill one block of it, and take the rate as float32, which is too
    coarse for float64. A sharded tensor is updated by itself.

    Example:
        >>> choose_way(torch.zeros(3, 2).t(), fused=True, joined=True)
        'fused'
        >>> choose_way(torch.zeros(3, 2)[:, :1], fused=True, joined=True)
        'flat'
    """
    if hasattr(param, "placements"):
        return "listed"
    suits = fused and param.device.type in _FUSED_DEVICES and param.dtype in _FUSED_DTYPES
    if suits and (param.is_contiguous() or torch.empty_like(param, device="meta").stride() == param.stride()):
        return "fused"
    return "flat" if joined else "listed"


def _join(tensors: list[Tensor]) -> Tensor:
    return torch.cat([tensor.reshape(-1) for tensor in tensors])


def _split(flat: Tensor, like: list[Tensor]) -> list[Tensor]:
    pieces = torch.split(flat, [tensor.numel() for tensor in like])
    return [piece.view_as(tensor) for piece, tensor in zip(pieces, like, strict=True)]


def _like(grad: Tensor, param: Tensor) -> Tensor:
    """Return the gradient with its parameter's dtype and strides."""
    fits = grad.dtype == param.dtype and grad.stride() == param.stride()
    return grad if fits else torch.empty_like(param).copy_(grad)
