"""Settings of the process, under Keras's names."""

from corekit.protocols.dtype import epsilon, floatx, set_epsilon, set_floatx

__all__ = ["epsilon", "floatx", "set_epsilon", "set_floatx"]
