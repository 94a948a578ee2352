# Written by `make stubs` from the plugins' entry points; do not edit.
from typing import Any

from corekit_custom_ops.linear_relu import linear_relu as linear_relu

def __getattr__(name: str) -> Any: ...  # what other distributions bring
