# Written by `make stubs` from the plugins' entry points; do not edit.
from typing import Any

from corekit.protocols.weights import Regularizer as Regularizer
from corekit_layers_basic.regularizers import L1 as L1
from corekit_layers_basic.regularizers import L1L2 as L1L2
from corekit_layers_basic.regularizers import L2 as L2
from corekit_layers_basic.regularizers import OrthogonalRegularizer as OrthogonalRegularizer

l1 = L1
l1_l2 = L1L2
l2 = L2
orthogonal_regularizer = OrthogonalRegularizer
def get(spec: Any) -> Any: ...
def __getattr__(name: str) -> Any: ...  # what other distributions bring
