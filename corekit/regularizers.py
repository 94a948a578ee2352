"""Regularizers: every installed component of kind "regularizers" is an attribute."""

from corekit.registry.namespace import namespace

__getattr__, __dir__ = namespace(
    "regularizers",
    own={"Regularizer": "corekit.protocols.weights:Regularizer"},
    getter="corekit.protocols.creation:create",
)
