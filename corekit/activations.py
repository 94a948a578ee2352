"""Activations: every installed component of kind "activations" is an attribute."""

from corekit.registry.namespace import namespace

__getattr__, __dir__ = namespace(
    "activations",
    getter="corekit.protocols.creation:create",
)
