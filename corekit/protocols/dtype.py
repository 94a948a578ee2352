"""Floating-point settings of the process: the dtype of new weights, and the fuzz constant of divisions and logs."""

from __future__ import annotations

from typing import Any

import torch

from corekit.errors import ArgumentError

_settings: dict[str, Any] = {"floatx": "float32", "epsilon": 1e-7}


def floatx() -> str:
    """Return the dtype of new weights and of numpy float input: "float32" unless `set_floatx` changed it.

    Example:
        >>> floatx()
        'float32'
    """
    return str(_settings["floatx"])


def set_floatx(value: str) -> None:
    """Set the dtype of new weights, as `keras.config.set_floatx`.

    Raises:
        ArgumentError: not "float16", "bfloat16", "float32" or "float64".
    """
    if value not in ("float16", "bfloat16", "float32", "float64"):
        raise ArgumentError(f'set_floatx("{value}"): expected "float16", "bfloat16", "float32" or "float64".')
    _settings["floatx"] = value


def epsilon() -> float:
    """Return the small constant that keeps divisions and logarithms finite: 1e-7 as in Keras."""
    return float(_settings["epsilon"])


def set_epsilon(value: float) -> None:
    """Set the small constant."""
    _settings["epsilon"] = float(value)


def as_dtype(dtype: str | torch.dtype | None) -> torch.dtype:
    """Return a torch dtype from its name; None means `floatx()`.

    Raises:
        ArgumentError: torch has no dtype of that name.

    Example:
        >>> as_dtype("float16")
        torch.float16
    """
    if isinstance(dtype, torch.dtype):
        return dtype
    found = getattr(torch, floatx() if dtype is None else str(dtype).removeprefix("torch."), None)
    if not isinstance(found, torch.dtype):
        raise ArgumentError(f'dtype="{dtype}" is not a dtype that torch knows. Write for example dtype="float32".')
    return found


def dtype_name(dtype: torch.dtype) -> str:
    """Return the name of a torch dtype, without "torch.".

    Example:
        >>> dtype_name(torch.float32)
        'float32'
    """
    return str(dtype).removeprefix("torch.")
