# Written by `make stubs` from the plugins' entry points; do not edit.
from typing import Any

from corekit.protocols.weights import Constraint as Constraint
from corekit_layers_basic.constraints import MaxNorm as MaxNorm
from corekit_layers_basic.constraints import MinMaxNorm as MinMaxNorm
from corekit_layers_basic.constraints import NonNeg as NonNeg
from corekit_layers_basic.constraints import UnitNorm as UnitNorm

max_norm = MaxNorm
min_max_norm = MinMaxNorm
non_neg = NonNeg
unit_norm = UnitNorm
def get(spec: Any) -> Any: ...
def __getattr__(name: str) -> Any: ...  # what other distributions bring
