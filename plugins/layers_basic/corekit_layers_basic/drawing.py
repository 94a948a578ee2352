"""How the initializers draw: distributions are Keras's, the random numbers torch's.

A seed makes each call of an initializer give the same numbers, whatever ran before and whatever the device: they are
drawn on the CPU by a generator made for the call. Without one, numbers come from torch's generator of the default
device (`corekit.utils.set_random_seed`). All are drawn in float32 at least, then cast.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from corekit import config
from corekit.errors import ArgumentError, ArgumentTypeError

Dtype = torch.dtype | str | None


def draw(
    distribution: str, shape: Sequence[int], dtype: Dtype, seed: int | None, spread: float = 1.0, center: float = 0.0
) -> Tensor:
    """Return center + spread * z; z is normal, normal within (-2, 2), or uniform within (-1, 1)."""
    kind = dtype if isinstance(dtype, torch.dtype) else as_dtype(dtype)
    generator = None if seed is None else torch.Generator("cpu").manual_seed(seed)
    z = torch.empty(tuple(shape), dtype=at_least_float32(kind), device=None if seed is None else "cpu")
    if distribution == "uniform":
        z.uniform_(center - spread, center + spread, generator=generator)
    elif distribution == "truncated_normal":
        torch.nn.init.trunc_normal_(z, generator=generator).mul_(spread).add_(center)
    else:
        z.normal_(center, spread, generator=generator)
    if seed is not None:
        z = z.to(torch.get_default_device())
    return z if z.dtype == kind else z.to(kind)


def at_least_float32(dtype: torch.dtype) -> torch.dtype:
    """Return the dtype to compute in: float64 for itself, float32 for all others."""
    return torch.float64 if dtype == torch.float64 else torch.float32


def as_dtype(dtype: Dtype) -> torch.dtype:
    """Return a torch dtype from its name; None means `corekit.config.floatx()`.

    Raises:
        ArgumentError: torch has no dtype of that name.
    """
    if isinstance(dtype, torch.dtype):
        return dtype
    found = getattr(torch, config.floatx() if dtype is None else dtype, None)
    if not isinstance(found, torch.dtype):
        raise ArgumentError(f'dtype="{dtype}" is not a dtype that torch knows. Write for example dtype="float32".')
    return found


def checked_seed(cls: str, seed: int | None) -> int | None:
    """Return the seed.

    Raises:
        ArgumentTypeError: it is neither a whole number nor None.
    """
    if seed is not None and not isinstance(seed, int):
        raise ArgumentTypeError(f"{cls}(seed={seed!r}): expected a whole number, or None for torch's generator.")
    return seed
