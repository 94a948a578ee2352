"""Losses: every installed component of kind "losses" is an attribute, classes and functions."""

from corekit.registry.namespace import namespace

__getattr__, __dir__ = namespace(
    "losses",
    own={"Loss": "corekit.protocols.loss:Loss"},
    getter="corekit.protocols.creation:create",
)
