"""Dtype policies under the names of `keras.mixed_precision`: `set_global_policy("mixed_bfloat16")`."""

from corekit.protocols.precision import DTypePolicy, dtype_policy, set_dtype_policy

Policy = DTypePolicy
global_policy = dtype_policy
set_global_policy = set_dtype_policy

__all__ = ["DTypePolicy", "Policy", "dtype_policy", "global_policy", "set_dtype_policy", "set_global_policy"]
