"""Optimizers: every installed component of kind "optimizers" is an attribute. Schedules are here too, as in Keras."""

import sys

from corekit.registry.namespace import namespace

__getattr__, __dir__ = namespace(
    "optimizers",
    own={"Optimizer": "corekit.protocols.optimizer:Optimizer", "schedules": "corekit.schedules"},
    getter="corekit.protocols.creation:create",
)

experimental = sys.modules[__name__]  # Keras 2 called it optimizers.experimental.AdamW; many articles still do
sys.modules[f"{__name__}.experimental"] = experimental
