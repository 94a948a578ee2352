"""Metrics: every installed component of kind "metrics" is an attribute."""

from corekit.registry.namespace import namespace

__getattr__, __dir__ = namespace(
    "metrics",
    own={"Metric": "corekit.protocols.metric:Metric"},
    getter="corekit.protocols.creation:create",
)
