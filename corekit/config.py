"""Settings of the process, under Keras's names."""

from corekit.protocols.dtype import epsilon, floatx, set_epsilon, set_floatx
from corekit.protocols.precision import dtype_policy, set_dtype_policy

__all__ = ["dtype_policy", "epsilon", "floatx", "set_dtype_policy", "set_epsilon", "set_floatx"]
