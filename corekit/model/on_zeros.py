"""What shapes torch's operations give on meta tensors, found without importing torch's compiler.

On meta tensors most operations are Python code of torch's, which imports sympy and torch's compiler on its way: a
second and 160 MB, in a training that may compile nothing. A CPU kernel knows the same shapes. So while a layer's `call`
runs on meta tensors, each operation is run beside it on zeros, and of what that gives only shape and dtype are kept.

What this refuses goes to torch as ever: what values decide, what is not on meta, what is large, what fails on zeros.
So `call` sees what it would see on meta tensors anyway, errors included.
"""

from __future__ import annotations

import sys
import time
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tag, Tensor

from corekit.protocols.tracing import DispatchMode, is_traced
from corekit.protocols.tree import leaves, map_tree

LARGEST = 2**22  # elements that an operation may take: 16 MB of float32
BUDGET = 0.5  # seconds of a process; importing torch's compiler takes twice that, once


def without_compiler() -> AbstractContextManager[Any]:
    """Return a context in which operations on meta tensors import no compiler; an empty one where nothing is gained.

    Example:
        >>> with without_compiler():
        ...     torch.empty(2, 3, device="meta").relu().shape
        torch.Size([2, 3])
    """
    is_of_use = "torch._dynamo" not in sys.modules and OnZeros.spent < BUDGET and not is_traced()
    return OnZeros() if is_of_use else nullcontext()  # type: ignore[no-untyped-call]  # torch has no types here


class OnZeros(DispatchMode):  # type: ignore[no-untyped-call]  # torch has no types here
    """Answers operations on meta tensors by running them on zeros.

    Attributes:
        spent: seconds that this has taken so far in the process.
    """

    spent = 0.0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Return what the operation gives."""
        kwargs = kwargs or {}
        if not types and OnZeros.spent < BUDGET and _suits(func, args, kwargs):
            start = time.perf_counter()
            try:
                return _on_zeros(func, args, kwargs)
            except Exception:  # torch says below what is wrong, if anything is
                pass
            finally:
                OnZeros.spent += time.perf_counter() - start
        return func(*args, **kwargs)


def _suits(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Return whether an operation of torch's own is on meta, not too large, and has shapes that follow from shapes."""
    if func.namespace != "aten" or func.is_view or kwargs.get("generator") is not None:
        return False  # torch answers views without Python
    given = [value for value in leaves((args, kwargs)) if isinstance(value, Tensor)]
    if not given and func.overloadpacket not in (torch.ops.aten.arange, torch.ops.aten.linspace):
        return False  # what makes a tensor of a shape that is told needs no Python either
    if Tag.data_dependent_output in func.tags or Tag.inplace_view in func.tags:
        return False
    if Tag.dynamic_output_shape in func.tags:  # indexing has that tag for masks' sake
        is_index = func.overloadpacket is torch.ops.aten.index
        if not is_index or any(value.dtype in (torch.bool, torch.uint8) for value in given[1:]):
            return False
    device = kwargs.get("device")
    on_meta = all(value.is_meta or value.ndim == 0 for value in given)
    makes_meta = any(value.is_meta for value in given) if device is None else torch.device(device).type == "meta"
    return on_meta and makes_meta and sum(value.numel() for value in given) <= LARGEST


def _on_zeros(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Run an operation on zeros in place of meta tensors, and return its result on meta.

    Raises:
        Exception: it cannot be told so.
    """
    zeros_args, zeros_kwargs = map_tree(_zeros, (args, kwargs))
    if "device" in kwargs:
        zeros_kwargs["device"] = torch.device("cpu")
    with torch.random.fork_rng(devices=[]) if Tag.nondeterministic_seeded in func.tags else nullcontext():
        result = func(*zeros_args, **zeros_kwargs)
    if result is zeros_args[0]:
        return args[0]  # it was changed in place
    ours = {id(value) for value in leaves((zeros_args, zeros_kwargs))}
    if any(id(value) in ours or not isinstance(value, Tensor) for value in leaves(result)):
        raise NotImplementedError  # `out=`, or no tensors
    return map_tree(_meta, result)


def _zeros(value: Any) -> Any:
    """Return zeros that lie as a meta tensor does; anything else as it is."""
    if not isinstance(value, Tensor) or not value.is_meta:
        return value
    if value.numel() == 0:
        return torch.zeros(value.shape, dtype=value.dtype)
    extent = 1 + sum((size - 1) * stride for size, stride in zip(value.shape, value.stride(), strict=True))
    return torch.zeros(extent, dtype=value.dtype).as_strided(value.shape, value.stride())


def _meta(value: Any) -> Any:
    """Return a meta tensor that lies as a tensor does; anything else as it is."""
    if not isinstance(value, Tensor):
        return value
    return torch.empty_strided(value.shape, value.stride(), dtype=value.dtype, device="meta")
