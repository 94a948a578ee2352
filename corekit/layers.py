"""Layers: every installed component of kind "layers" is an attribute."""

from corekit.registry.namespace import namespace

__getattr__, __dir__ = namespace(
    "layers",
    own={"Layer": "corekit.protocols.layer:Layer", "Input": "corekit.model.graph:Input"},
    adapt="corekit.model.wrap:layer_class",
    getter="corekit.protocols.creation:create",
)
