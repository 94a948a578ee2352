"""Dtype policies: which dtype a layer computes in, and which its weights have. Keras's names and meaning.

Mixed precision is torch's autocast: products run in half precision, and what is numerically delicate stays in float32
as torch's list says, in any `nn.Module` inside as well. It is entered once, by the outermost layer that wants it.
Weights stay float32, and what a mixed layer returns is in the compute dtype, as in Keras. Loss scaling, which float16
needs, belongs to the training step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor

from corekit.errors import ArgumentError
from corekit.protocols.dtype import as_dtype, dtype_name, floatx
from corekit.protocols.tree import leaves, map_tree

POLICIES = {name: (name, name) for name in ("float32", "float64", "float16", "bfloat16")} | {
    "mixed_float16": ("float16", "float32"),
    "mixed_bfloat16": ("bfloat16", "float32"),
}
"""Name -> the dtype to compute in, the dtype of weights."""

_global: dict[str, DTypePolicy | None] = {"policy": None}


class DTypePolicy:
    """The dtypes of a layer: to compute in, and of its weights.

    Args:
        name: "float32", "float64", "float16" or "bfloat16" for both; "mixed_bfloat16" or "mixed_float16" for float32
            weights and computing in half precision. Default the global policy's.

    Raises:
        ArgumentError: there is no such policy.

    Example:
        >>> policy = DTypePolicy("mixed_bfloat16")
        >>> policy.compute_dtype, policy.variable_dtype
        (torch.bfloat16, torch.float32)

    Reference: https://keras.io/api/mixed_precision/policy/
    """

    def __init__(self, name: str | None = None) -> None:
        self.name: str = dtype_policy().name if name is None else name
        if self.name not in POLICIES:
            raise ArgumentError(
                f"DTypePolicy({name!r}): there is no such policy. Write one of {', '.join(map(repr, POLICIES))}."
            )
        compute, variable = POLICIES[self.name]
        self.compute_dtype, self.variable_dtype = as_dtype(compute), as_dtype(variable)
        self.is_mixed = compute != variable

    def get_config(self) -> dict[str, str]:
        """Return the policy as JSON-ready data."""
        return {"name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, str]) -> DTypePolicy:
        """Return the policy that `get_config` described."""
        return cls(**config)

    def context(self, device: str) -> AbstractContextManager[Any]:
        """Return what to enter for computing on a device; a null context where it is in force already."""
        if device == "meta":
            return nullcontext()
        enabled = torch.is_autocast_enabled(device)
        if not self.is_mixed:
            return torch.autocast(device, enabled=False) if enabled else nullcontext()
        if enabled and torch.get_autocast_dtype(device) == self.compute_dtype:
            return nullcontext()
        return torch.autocast(device, dtype=self.compute_dtype)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DTypePolicy) and other.name == self.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f'<DTypePolicy "{self.name}">'


def dtype_policy() -> DTypePolicy:
    """Return the policy of layers that are given no dtype: `floatx` unless `set_dtype_policy` changed it.

    Example:
        >>> dtype_policy()
        <DTypePolicy "float32">
    """
    return _global["policy"] or DTypePolicy(floatx())


def set_dtype_policy(policy: str | DTypePolicy | dict[str, Any]) -> None:
    """Set the policy of layers that are given no dtype, from now on; layers that exist keep theirs.

    Args:
        policy: a name such as "mixed_bfloat16", a policy, or its config. The name of `floatx` sets it back.

    Raises:
        ArgumentError: there is no such policy.

    Example:
        >>> set_dtype_policy("mixed_bfloat16")
        >>> dtype_policy()
        <DTypePolicy "mixed_bfloat16">
        >>> set_dtype_policy("float32")

    Reference: https://keras.io/api/utils/config_utils/#set_dtype_policy-function
    """
    chosen = as_policy(policy)
    _global["policy"] = None if chosen.name == floatx() else chosen


@contextmanager
def no_global_policy() -> Iterator[None]:
    """A context in which layers get the policies that they are given: what is read from a file has its own."""
    before = _global["policy"]
    _global["policy"] = None
    try:
        yield
    finally:
        _global["policy"] = before


def as_policy(value: Any) -> DTypePolicy:
    """Return a policy from its name, a torch dtype, or its config (its own, or as Keras writes it).

    Raises:
        ArgumentError: there is no such policy.

    Example:
        >>> as_policy({"class_name": "DTypePolicy", "config": {"name": "mixed_float16"}})
        <DTypePolicy "mixed_float16">
    """
    if isinstance(value, DTypePolicy):
        return value
    if isinstance(value, dict):
        value = value.get("config", value).get("name")
    return DTypePolicy(dtype_name(value) if isinstance(value, torch.dtype) else str(value))


def policy_of_layer(dtype: Any) -> DTypePolicy | None:
    """Return the policy of a layer that is given this dtype.

    None where there is nothing to see to: no dtype is given and no global policy is set (the layer computes as torch
    does, also under an autocast of the user's), or the dtype is none to compute in, such as "int64".
    """
    if dtype is None:
        return _global["policy"]
    if isinstance(dtype, (DTypePolicy, dict)) or str(dtype).startswith("mixed_"):
        return as_policy(dtype)
    name = dtype_name(as_dtype(dtype))
    return DTypePolicy(name) if name in POLICIES else None


def named_in(config: dict[str, Any]) -> dict[str, Any]:
    """Return constructor arguments with a dtype policy by its name, which files can hold."""
    given = config.get("dtype")
    return {**config, "dtype": as_policy(given).name} if isinstance(given, (DTypePolicy, dict)) else config


def run(layer: Any, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call a function of a layer under the layer's policy.

    A mixed layer enters autocast, and what it returns is cast to the compute dtype; any other computes without
    autocast on inputs that are cast. A model casts nothing, nor a layer that leaves its inputs to layers inside: they
    have policies of their own. On meta tensors, which no autocast knows, a mixed layer computes as its weights do.
    """
    policy: DTypePolicy = layer._policy
    device = next((value.device.type for value in leaves((args, kwargs)) if isinstance(value, Tensor)), "meta")
    if not policy.is_mixed:
        if not is_composed(layer):
            args, kwargs = cast((args, kwargs), policy.compute_dtype)
        with policy.context(device):
            return function(*args, **kwargs)
    if device == "meta":
        args, kwargs = cast((args, kwargs), policy.variable_dtype)
    with policy.context(device):
        result = function(*args, **kwargs)
    return result if layer.is_model else cast(result, policy.compute_dtype)


def context_of(layer: Any) -> AbstractContextManager[Any]:
    """Return what to enter for computing as a layer does, where its weights are."""
    if layer._policy is None:
        return nullcontext()
    weight = next(layer.parameters(), None)
    device = torch.get_default_device() if weight is None else weight.device
    context: AbstractContextManager[Any] = layer._policy.context(device.type)
    return context


def is_composed(layer: Any) -> bool:
    """Return whether a layer has no weights of its own to compute with, but layers inside it, which have."""
    return layer.is_model or (
        not layer._parameters and any(hasattr(type(part), "is_model") for part in layer._modules.values())
    )


def cast(structure: Any, dtype: torch.dtype) -> Any:
    """Return a structure with its floating-point tensors in another dtype.

    Example:
        >>> [value.dtype for value in cast([torch.ones(1), torch.ones(1, dtype=torch.int64)], torch.float64)]
        [torch.float64, torch.int64]
    """
    return map_tree(lambda v: v.to(dtype) if isinstance(v, Tensor) and v.is_floating_point() else v, structure)


def follow(layer: Any, change: Callable[[Tensor], Tensor]) -> None:
    """Let the policy of a layer follow its weights, where torch's `to`, `half` or `double` changed their dtype."""
    dtype = None if layer._policy is None else change(torch.empty(0, dtype=layer.dtype)).dtype
    if dtype not in (None, layer.dtype):
        layer.dtype = dtype
        if not layer._policy.is_mixed:
            layer._policy = policy_of_layer(dtype)
