# Written by `make stubs` from the plugins' entry points; do not edit.
from typing import Any

from corekit.model.graph import Input as Input
from corekit.protocols.layer import Layer as Layer
from corekit_layers_basic.activation import Activation as Activation
from corekit_layers_basic.add import Add as Add
from corekit_layers_basic.batch_normalization import BatchNormalization as BatchNormalization
from corekit_layers_basic.concatenate import Concatenate as Concatenate
from corekit_layers_basic.dense import Dense as Dense
from corekit_layers_basic.dropout import Dropout as Dropout
from corekit_layers_basic.flatten import Flatten as Flatten
from corekit_layers_basic.identity import Identity as Identity
from corekit_layers_basic.layer_normalization import LayerNormalization as LayerNormalization
from corekit_layers_basic.rescaling import Rescaling as Rescaling
from corekit_layers_basic.reshape import Reshape as Reshape

def get(spec: Any) -> Any: ...
def __getattr__(name: str) -> Any: ...  # what other distributions bring
