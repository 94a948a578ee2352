"""Initializers: every installed component of kind "initializers" is an attribute."""

from corekit.registry.namespace import namespace

__getattr__, __dir__ = namespace(
    "initializers",
    own={"Initializer": "corekit.protocols.weights:Initializer"},
    getter="corekit.protocols.creation:create",
)
