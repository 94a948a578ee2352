"""Modes that see every tensor operation, and note those that a component should not make."""

from __future__ import annotations

import sys
from typing import Any

import torch
from torch import Tensor

from corekit.protocols.dtype import dtype_name
from corekit.protocols.tracing import DispatchMode
from corekit.testing.case import leaves

_READS = ("_local_scalar_dense", "is_nonzero", "equal")
_INSIDE = ("corekit/testing/", "corekit\\testing\\")


class Noted(DispatchMode):
    """A mode that runs every operation and notes some, each as the line of code that made it.

    Example:
        >>> with HostReads() as reads:
        ...     _ = float(torch.ones(()).sum())
        >>> len(reads.found)
        1
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch has no types here
        self.found: list[str] = []

    def is_noted(self, function: Any, args: Any, result: Any) -> bool:
        """Whether an operation is one that should not be."""
        raise NotImplementedError

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = function(*args, **(kwargs or {}))
        if self.is_noted(function, args, result):
            self.found.append(_caller())
        return result


class HostReads(Noted):  # type: ignore[no-untyped-call]  # torch's own gap
    """Notes where a tensor's value is read by Python: each read makes an accelerator wait."""

    def is_noted(self, function: Any, args: Any, result: Any) -> bool:
        """Whether Python gets a number."""
        return function._schema.name.removeprefix("aten::") in _READS


class Coarse(Noted):  # type: ignore[no-untyped-call]  # torch's own gap
    """Notes what is computed in less than float64, where all that comes in is float64."""

    def is_noted(self, function: Any, args: Any, result: Any) -> bool:
        """Whether a tensor with axes comes out in a coarser dtype."""
        return any(one.ndim and one.is_floating_point() and one.dtype != torch.float64 for one in leaves(result))


class Halved(Noted):  # type: ignore[no-untyped-call]  # torch's own gap
    """Notes what is computed in half precision, where nothing that comes in is."""

    def is_noted(self, function: Any, args: Any, result: Any) -> bool:
        """Whether a tensor comes out in half precision."""
        return any(one.dtype in (torch.float16, torch.bfloat16) for one in leaves(result))


class OwnOps(Noted):  # type: ignore[no-untyped-call]  # torch's own gap
    """Keeps the ops of other people's namespaces, with the arguments of their first calls."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: dict[Any, tuple[Any, Any]] = {}

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if function.namespace not in ("aten", "prim", "prims", "profiler", "inductor", "higher_order"):
            self.calls.setdefault(function, (args, kwargs or {}))
        return function(*args, **(kwargs or {}))


def _caller() -> str:
    """Return the innermost line that is neither torch's nor the kit's."""
    frame = sys._getframe(2)
    own = torch.__path__[0]
    while frame is not None:
        path = frame.f_code.co_filename
        if not path.startswith((own, "<")) and not any(part in path for part in _INSIDE):
            name = path.replace("\\", "/").rpartition("/")[2]
            return f"{name}, line {frame.f_lineno}, in {frame.f_code.co_name}"
        assert frame.f_back is not None, "the kit's caller is somebody's"
        frame = frame.f_back
    return "an unknown line"


def only(found: list[str]) -> str:
    """Return the first of what was noted, and how many there are more."""
    return found[0] + (f", and {len(found) - 1} more" if len(found) > 1 else "")


def wrong_dtypes(tensors: list[Tensor], allowed: tuple[torch.dtype, ...]) -> list[str]:
    """Return the dtypes of floating-point tensors with axes that are none of those allowed."""
    found = [one.dtype for one in tensors if one.ndim and one.is_floating_point() and one.dtype not in allowed]
    return sorted({dtype_name(dtype) for dtype in found})
