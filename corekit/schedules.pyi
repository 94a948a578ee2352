# Written by `make stubs` from the plugins' entry points; do not edit.
from typing import Any

from corekit.protocols.schedule import LearningRateSchedule as LearningRateSchedule

def get(spec: Any) -> Any: ...
def __getattr__(name: str) -> Any: ...  # what other distributions bring
