"""Constraints: every installed component of kind "constraints" is an attribute."""

from corekit.registry.namespace import namespace

__getattr__, __dir__ = namespace(
    "constraints",
    own={"Constraint": "corekit.protocols.weights:Constraint"},
    getter="corekit.protocols.creation:create",
)
