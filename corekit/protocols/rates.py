"""Where an optimizer keeps its learning rates: in its groups, as 0-d tensors beside their parameters."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def place_rates(groups: list[dict[str, Any]]) -> None:
    """Bring each group's "lr" to its parameters; torch's idiom writes numbers there."""
    for group in groups:
        lr, params = group["lr"], group["params"]
        if not isinstance(lr, Tensor) or (params and lr.device != params[0].device):
            device = params[0].device if params else torch.device("cpu")
            group["lr"] = torch.as_tensor(lr, dtype=exact(device)).detach().to(device).clone()


def set_rates(groups: list[dict[str, Any]], rate: Any) -> None:
    """Set every group's "lr" to `rate`, a number or a 0-d tensor.

    In place, because a captured step reads this very tensor; by foreach, because torch 2.13 drops an in-place method
    on a 0-d float64 CPU tensor from compiled code where its result is not used.
    """
    for group in groups:
        torch._foreach_copy_([group["lr"]], [torch.as_tensor(rate, dtype=torch.float64)])


def exact(device: torch.device) -> torch.dtype:
    """Return the dtype for counts and rates: 0-d tensors never promote a parameter, so the widest is free.

    Example:
        >>> exact(torch.device("cpu"))
        torch.float64
    """
    return torch.float32 if device.type == "mps" else torch.float64
