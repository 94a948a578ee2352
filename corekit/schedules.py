"""Learning rate schedules: every installed component of kind "schedules" is an attribute."""

from corekit.registry.namespace import namespace

__getattr__, __dir__ = namespace(
    "schedules",
    own={"LearningRateSchedule": "corekit.protocols.schedule:LearningRateSchedule"},
    getter="corekit.protocols.creation:create",
)
