"""Gradient clipping: by the norm of each tensor, by the norm of all together, or element by element."""

from __future__ import annotations

import torch
from torch import Tensor


def clip(
    grads: list[Tensor],
    *,
    clipnorm: float | None = None,
    global_clipnorm: float | None = None,
    clipvalue: float | None = None,
) -> list[Tensor]:
    """Return gradients that are not too long; those given stay as they are. None or 0 means no limit, as in Keras.

    clipnorm c:          g = g * c / max(|g|, c)                for each tensor g
    global_clipnorm c:   g = g * c / max(|all gradients|, c)
    clipvalue c:         g = min(max(g, -c), c)                 for each element

    An infinite or NaN gradient makes NaNs of its norm's gradients, as in Keras: a mistake to be seen, not hidden.

    Example:
        >>> clip([torch.tensor([3.0, 4.0])], clipnorm=1.0)
        [tensor([0.6000, 0.8000])]

    Reference: Pascanu et al. 2013, "On the difficulty of training recurrent neural networks", arXiv 1211.5063.
    """
    if clipvalue:
        clipped = torch._foreach_clamp_min(grads, -clipvalue)
        torch._foreach_clamp_max_(clipped, clipvalue)
        return list(clipped)
    if clipnorm:
        shares = (clipnorm / _norms(grads).clamp(min=clipnorm)).unbind()
    elif global_clipnorm:
        norm = torch.linalg.vector_norm(_norms(grads))
        share = global_clipnorm / norm.clamp(min=global_clipnorm) + (norm - norm)  # NaN where the norm is infinite
        shares = (share,) * len(grads)
    else:
        return grads
    return list(torch._foreach_mul(grads, list(map(Tensor.to, shares, grads))))


def _norms(grads: list[Tensor]) -> Tensor:
    """Return the norm of each gradient, all on the first one's device; half precision is summed in float32."""
    norms = [torch.linalg.vector_norm(g, dtype=torch.promote_types(g.dtype, torch.float32)) for g in grads]
    return torch.stack([norm.to(norms[0]) for norm in norms])
