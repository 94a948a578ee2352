"""How the checks of ops call one, vary its sizes, find its reference and the torch ops behind it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from corekit.protocols.example import Values
from corekit.protocols.tree import map_tree
from corekit.testing.case import FREE, Case, leaves
from corekit.testing.modes import OwnOps


def call(case: Case, inputs: Any) -> Any:
    """Return what the op gives, with the keywords of the example."""
    return case.subject.value(*inputs, **case.arguments)


def outputs(case: Case, inputs: Any) -> list[Tensor]:
    """Return the tensors that the op gives."""
    return leaves(call(case, inputs))


def of_size(case: Case, sizes: dict[int, int], dtype: torch.dtype = torch.float64) -> tuple[Any, ...]:
    """Return inputs of other sizes: each number in the example's shapes that is a key becomes its value.

    Equal numbers in an example mean one size: x (5, 4) and kernel (4, 3) stay a matrix product at any three sizes.
    """
    generator = torch.Generator("cpu").manual_seed(2)

    def drawn(spec: Values) -> Tensor:
        shape = tuple(FREE if size is None else sizes.get(size, size) for size in spec.shape)
        low = float(spec.low or 0)
        values = low + (spec.high - low) * torch.rand(shape, generator=generator, dtype=torch.float64)
        return values.to(dtype) if spec.dtype is None else values.floor().to(getattr(torch, spec.dtype))

    return tuple(
        [drawn(one) for one in spec] if isinstance(spec, list) else drawn(spec) for spec in case.example.inputs
    )


def sizes_in(case: Case) -> list[int]:
    """Return the different sizes in the example's shapes, in their order."""
    specs = [one for spec in case.example.inputs for one in (spec if isinstance(spec, list) else [spec])]
    return list(dict.fromkeys(size for spec in specs for size in spec.shape if size))


def reference_of(value: Any) -> Callable[..., Any] | None:
    """Return the op's reference in plain torch: its attribute `reference`, or `NAME_reference` in its module.

    Example:
        >>> import corekit
        >>> reference_of(corekit.get("ops", "linear_relu")).__name__
        'linear_relu_reference'
    """
    name = getattr(value, "__name__", "")
    module = sys.modules.get(getattr(value, "__module__", ""))
    found: Callable[..., Any] | None = getattr(value, "reference", None) or getattr(module, f"{name}_reference", None)
    return found


def torch_ops(case: Case) -> dict[Any, tuple[Any, Any]]:
    """Return the custom torch ops that a call runs, each with the arguments of its first call."""
    with OwnOps() as seen:
        call(case, map_tree(_leaf, case.inputs(torch.float64)))
    found: dict[Any, tuple[Any, Any]] = seen.calls
    return found


def floating(inputs: Any) -> list[Tensor]:
    """Return the floating-point tensors among inputs."""
    return [one for one in leaves(inputs) if one.is_floating_point()]


def _leaf(tensor: Tensor) -> Tensor:
    return tensor.requires_grad_() if tensor.is_floating_point() else tensor
