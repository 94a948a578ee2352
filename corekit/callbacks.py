"""Callbacks: every installed component of kind "callbacks" is an attribute."""

from corekit.registry.namespace import namespace

__getattr__, __dir__ = namespace(
    "callbacks",
    own={"Callback": "corekit.protocols.callback:Callback", "History": "corekit.training.history:History"},
)
