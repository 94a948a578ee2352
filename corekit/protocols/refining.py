"""What happens to gradients before an optimizer's rule sees them: unscaled, averaged over passes, clipped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from corekit.protocols.accumulation import Accumulation
from corekit.protocols.clipping import clip


def refine(grads: Sequence[Tensor | None], settings: Any, accumulation: Accumulation) -> Sequence[Tensor | None]:
    """Return the gradients as the rule should see them, in Keras's order; those given stay as they are.

    Args:
        grads: of this pass; None where there is none.
        settings: the optimizer: `loss_scale_factor`, `gradient_accumulation_steps`, `clipnorm`, `clipvalue`,
            `global_clipnorm`.
        accumulation: what was collected in the passes before.
    """
    steps, scale = settings.gradient_accumulation_steps, settings.loss_scale_factor
    limits = (settings.clipnorm, settings.global_clipnorm, settings.clipvalue)
    if not (steps or scale or any(limits)):
        return grads
    places, found = unscale(grads, scale)
    if not places:
        return grads
    if steps:
        found = accumulation.mean_with(places, found, steps=steps)
    refined = list(grads)
    clipped = clip(found, clipnorm=limits[0], global_clipnorm=limits[1], clipvalue=limits[2])
    for place, grad in zip(places, clipped, strict=True):
        refined[place] = grad
    return refined


def unscale(grads: Sequence[Tensor | None], scale: float | None) -> tuple[list[int], list[Tensor]]:
    """Return the places of the gradients that are there, and these divided by the loss's scale.

    Example:
        >>> unscale([None, torch.tensor([8.0])], 4.0)
        ([1], [tensor([2.])])
    """
    places = [place for place, grad in enumerate(grads) if grad is not None]
    found = [grad for grad in grads if grad is not None]
    return places, list(torch._foreach_div(found, scale)) if scale and found else found
