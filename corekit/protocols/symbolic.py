"""What stands for a tensor while a functional model is drawn. The graph itself lives in `corekit.model`."""

from __future__ import annotations

from typing import Any

import torch

from corekit.protocols.tree import leaves


class Symbolic:
    """A tensor that will be: a shape, a dtype, and the memory of how it comes about.

    Args:
        shape: None where the size is known only at run time; the first axis is the batch.
        dtype: the dtype it will have.
    """

    shape: tuple[int | None, ...]
    dtype: torch.dtype

    def record(self, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Note the call `operation(*args, **kwargs)` and return what it will give, symbolically."""
        raise NotImplementedError


def find_symbolic(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Symbolic | None:
    """Return the first symbolic tensor among nested arguments."""
    if len(args) == 1 and isinstance(args[0], Symbolic):
        return args[0]
    for value in leaves((args, kwargs)):
        if isinstance(value, Symbolic):
            return value
    return None
