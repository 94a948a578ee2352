"""Gives a model that was built without values the values of a file, one tensor at a time.

The model is drawn on torch's meta device, where a weight has a shape and takes no memory. So what a description implies
is compared with what a file holds before anything is allocated, no weight is drawn only to be overwritten, and a large
model is in memory once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from corekit.errors import LoadError
from corekit.saving.format import StoredTensor
from corekit.saving.taking import Memory
from corekit.saving.write import DTYPES

TORCH_DTYPES = {name: dtype for dtype, name in DTYPES.items()}
DESCRIBED = 64 * 2**20
"""Bytes beyond its weights that a description may have a model make: tables that its layers compute."""


def check(weights: Mapping[str, Tensor], stored: Mapping[str, StoredTensor]) -> None:
    """Compare a model's weights, which need no values, with a file's.

    Raises:
        LoadError: a name, a shape or the sort of a dtype differs; code "weights-differ".
    """
    missing, surplus = sorted(weights.keys() - stored.keys()), sorted(stored.keys() - weights.keys())
    if missing or surplus:
        raise LoadError(
            f"the file's weights are not the model's: missing {_some(missing)}, too many {_some(surplus)}.",
            code="weights-differ",
        )
    for name, weight in weights.items():
        held = stored[name]
        dtype = TORCH_DTYPES[held.dtype]
        same_sort = weight.dtype == dtype or (weight.dtype.is_floating_point and dtype.is_floating_point)
        if tuple(weight.shape) != held.shape or not same_sort:
            raise LoadError(
                f"weight {name!r} is {weight.dtype} {tuple(weight.shape)} in the model, "
                f"{held.dtype} {held.shape} in the file.",
                code="weights-differ",
            )


def computed(model: nn.Module, weights: Mapping[str, Tensor]) -> list[Tensor]:
    """Return the tensors without values that a model holds beside its weights: no file has values for them.

    Raises:
        LoadError: they would take far more memory than a model's tables do; code "too-large".
    """
    known = set(map(id, weights.values()))
    found = {id(tensor): tensor for tensor in _held(model) if tensor.is_meta and id(tensor) not in known}
    size = sum(tensor.numel() * tensor.element_size() for tensor in found.values())
    if size > DESCRIBED:
        raise LoadError(
            f"the description has its layers compute {size:,} bytes that the file does not hold; "
            f"at most {DESCRIBED:,} are taken.",
            code="too-large",
        )
    return list(found.values())


def fill(weights: Mapping[str, Tensor], stored: Mapping[str, StoredTensor], data: dict[str, Memory]) -> None:
    """Give weights the values of the file; those without values get memory for them, of the dtype in the file.

    A weight stays the object that it was, whoever holds it. What was taken of the data is removed from them, so that
    weights which cannot lie as they do in the file, or which a device holds, are in memory twice one at a time.
    """
    device = torch.get_default_device()
    with torch.no_grad():
        for name, weight in weights.items():
            value = tensor_of(data.pop(name), stored[name]).to(device)
            if weight.is_meta:
                if value.stride() != weight.stride():  # a layer chose how it lies, as convolutions do
                    value = torch.empty_strided(weight.shape, weight.stride(), dtype=value.dtype, device=device).copy_(
                        value
                    )
                fresh = nn.Parameter(value, weight.requires_grad) if isinstance(weight, nn.Parameter) else value
                torch.utils.swap_tensors(weight, fresh)  # type: ignore[no-untyped-call]  # torch leaves it untyped
            else:
                if weight.dtype != value.dtype:  # it was saved after `model.to(dtype)`
                    weight.data = weight.data.to(value.dtype)
                weight.copy_(value)


def tensor_of(content: Memory, held: StoredTensor) -> Tensor:
    """Return a tensor over the bytes themselves."""
    dtype = TORCH_DTYPES[held.dtype]
    if not content:
        return torch.empty(held.shape, dtype=dtype, device="cpu")
    return torch.frombuffer(content, dtype=dtype).reshape(held.shape)


def _held(model: nn.Module) -> Iterator[Tensor]:
    """Yield every tensor that a module, or a plain value in one, holds."""
    left: list[Any] = [vars(module) for module in model.modules()]
    seen: set[int] = set()  # a list may be in itself
    while left:
        value = left.pop()
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, (dict, list, tuple)) and id(value) not in seen:
            seen.add(id(value))
            left += value.values() if isinstance(value, dict) else value


def _some(names: list[str]) -> str:
    """Return names for an error, not all of them where they are many."""
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return f"{', '.join(map(repr, names[:5]))}{more}" if names else "none"
