"""Loss scaling, for gradients in float16: small ones would be lost, so the loss is made larger before they are taken.

A step whose gradients overflow changes nothing, and halves the scale; after 2,000 good steps the scale is doubled.
All of it stays on the device: what an overflow would spoil is put aside before the update and brought back by a
`where`, so nobody waits. The price is a copy of weights and optimizer state a step.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from corekit.protocols.tree import leaves

FIRST = 2.0**15  # as Keras's LossScaleOptimizer
GROW_AFTER = 2000  # good steps


class LossScale:
    """The scale of one training, a power of 2, kept with the optimizer's settings: so its `state_dict` has it.

    Args:
        optimizer: a corekit or torch optimizer that has its parameters.

    Example:
        >>> scale = LossScale(torch.optim.SGD([torch.ones(1)]))
        >>> scale.up(torch.tensor(1.0))
        tensor(32768.)
        >>> grads, is_finite = scale.down([torch.tensor([65536.0])])
        >>> grads, is_finite
        ([tensor([2.])], tensor(True))

    Reference: https://keras.io/api/optimizers/loss_scale_optimizer/; Micikevicius et al. 2017, "Mixed precision
    training", arXiv 1710.03740.
    """

    def __init__(self, optimizer: Any) -> None:
        self._optimizer = optimizer
        group = optimizer.param_groups[0]
        device = group["params"][0].device
        group.setdefault("loss_scale", torch.tensor(FIRST, device=device))
        group.setdefault("good_steps", torch.zeros((), device=device))

    @property
    def scale(self) -> Tensor:
        """What the loss is multiplied by, 0-d."""
        return self._optimizer.param_groups[0]["loss_scale"]  # type: ignore[no-any-return]  # groups are untyped

    @property
    def good_steps(self) -> Tensor:
        """How many steps in a row were good since the scale changed last, 0-d."""
        return self._optimizer.param_groups[0]["good_steps"]  # type: ignore[no-any-return]  # as above

    def up(self, loss: Tensor) -> Tensor:
        """Return the loss that the backward pass starts from."""
        return loss * self.scale

    def down(self, grads: Sequence[Tensor | None]) -> tuple[list[Tensor | None], Tensor]:
        """Return the gradients in their true size, and whether all are finite (0-d)."""
        finite = torch.stack([torch.isfinite(grad).all() for grad in grads if grad is not None]).all()
        return [None if grad is None else grad / self.scale.to(grad.dtype) for grad in grads], finite

    def settle(self, is_finite: Tensor, tensors: list[Tensor], before: list[Tensor]) -> None:
        """Undo the update where a gradient was not finite, and find the next scale.

        Args:
            is_finite: from `down`.
            tensors: what the update changed.
            before: what it was before.
        """
        kept = [torch.where(is_finite, new, old) for new, old in zip(tensors, before, strict=True)]
        torch._foreach_copy_(tensors, kept)
        good = torch.where(is_finite, self.good_steps + 1, 0.0)
        grows = good >= GROW_AFTER
        factor = torch.where(is_finite, torch.where(grows, 2.0, 1.0), 0.5)
        torch._foreach_copy_([self.good_steps, self.scale], [torch.where(grows, 0.0, good), self.scale * factor])


def changing(params: Sequence[Tensor], optimizer: Any) -> list[Tensor]:
    """Return what an update changes, each tensor once: the weights and the optimizer's state."""
    held = [value for state in optimizer.state.values() for value in leaves(state) if isinstance(value, Tensor)]
    found: dict[int, Tensor] = {id(tensor): tensor for tensor in (*params, *held)}
    return list(found.values())
