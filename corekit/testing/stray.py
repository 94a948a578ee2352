"""Watches for tensors that are made on the CPU where all the others are elsewhere."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode


class Stray(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch's
    """A context that notes the first operation which gives a tensor, with one axis or more, on the CPU."""

    found = ""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run the operation, and look at what it gives."""
        result = func(*args, **(kwargs or {}))
        given = [result] if isinstance(result, Tensor) else result if isinstance(result, (list, tuple)) else []
        if any(isinstance(one, Tensor) and one.device.type == "cpu" and one.dim() for one in given):
            self.found = self.found or func.__name__
        return result
