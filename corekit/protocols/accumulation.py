"""Gradients summed over several passes, for one update with their mean (Keras's `gradient_accumulation_steps`)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


class Accumulation:
    """The sums of an optimizer's gradients since its last update, and on the host how many passes they hold.

    Example:
        >>> sums, weight = Accumulation(), torch.zeros(1)
        >>> sums.prepare([weight], {weight: {}})
        >>> sums.add([0], [torch.ones(1)])
        >>> sums.mean_with([0], [3 * torch.ones(1)], steps=2)
        [tensor([2.])]
    """

    def __init__(self) -> None:
        self.phase = 0
        self._sums: list[Tensor | None] = []

    def prepare(self, params: Sequence[Tensor | None], known: dict[Tensor, dict[str, Tensor]]) -> None:
        """Take the sums in `known` (parameter -> state), or make them there: `known[param]["accumulated"]`.

        Args:
            params: all parameters in their order, None for one that gets no gradient.
            known: what the optimizer keeps of each parameter.
        """
        self._sums = [None if param is None else keep(param, known[param], "accumulated") for param in params]

    def add(self, places: list[int], grads: list[Tensor]) -> None:
        """Add gradients to the sums at these places among all parameters."""
        if places:
            torch._foreach_add_(self._at(places), grads)

    def mean_with(self, places: list[int], grads: list[Tensor], *, steps: int) -> list[Tensor]:
        """Return the means over `steps` passes, `grads` being the last one's; they lie where the sums did."""
        sums = self._at(places)
        torch._foreach_add_(sums, grads)
        torch._foreach_div_(sums, steps)
        return sums

    def clear(self) -> None:
        """Set all sums to 0."""
        held = [held for held in self._sums if held is not None]
        if held:
            torch._foreach_zero_(held)

    def _at(self, places: list[int]) -> list[Tensor]:
        return [self._sums[place] for place in places]  # type: ignore[misc]  # where gradients are, sums are


def keep(param: Tensor, state: dict[str, Tensor], name: str, start: Tensor | None = None) -> Tensor:
    """Return the parameter's state tensor of that name, beside the parameter; made from `start` (zeros) if need be."""
    known = state.get(name, start)
    if known is None or known is start or known.device != param.device or known.stride() != param.stride():
        fresh = torch.zeros_like(param, requires_grad=False)
        state[name] = fresh if known is None else fresh.copy_(known)
    return state[name]
