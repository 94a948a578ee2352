# Written by `make stubs` from the plugins' entry points; do not edit.
from typing import Any

from corekit_layers_basic.activations import celu as celu
from corekit_layers_basic.activations import elu as elu
from corekit_layers_basic.activations import exponential as exponential
from corekit_layers_basic.activations import gelu as gelu
from corekit_layers_basic.activations import hard_sigmoid as hard_sigmoid
from corekit_layers_basic.activations import hard_silu as hard_silu
from corekit_layers_basic.activations import hard_tanh as hard_tanh
from corekit_layers_basic.activations import leaky_relu as leaky_relu
from corekit_layers_basic.activations import linear as linear
from corekit_layers_basic.activations import log_sigmoid as log_sigmoid
from corekit_layers_basic.activations import log_softmax as log_softmax
from corekit_layers_basic.activations import mish as mish
from corekit_layers_basic.activations import relu as relu
from corekit_layers_basic.activations import relu6 as relu6
from corekit_layers_basic.activations import selu as selu
from corekit_layers_basic.activations import sigmoid as sigmoid
from corekit_layers_basic.activations import silu as silu
from corekit_layers_basic.activations import softmax as softmax
from corekit_layers_basic.activations import softplus as softplus
from corekit_layers_basic.activations import softsign as softsign
from corekit_layers_basic.activations import tanh as tanh

hard_swish = hard_silu
swish = silu
def get(spec: Any) -> Any: ...
def __getattr__(name: str) -> Any: ...  # what other distributions bring
