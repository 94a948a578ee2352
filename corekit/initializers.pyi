# Written by `make stubs` from the plugins' entry points; do not edit.
from typing import Any

from corekit.protocols.weights import Initializer as Initializer
from corekit_layers_basic.initializers import Constant as Constant
from corekit_layers_basic.initializers import Constant as constant
from corekit_layers_basic.initializers import Identity as Identity
from corekit_layers_basic.initializers import Identity as IdentityInitializer
from corekit_layers_basic.initializers import Identity as identity
from corekit_layers_basic.initializers import Ones as Ones
from corekit_layers_basic.initializers import Ones as one
from corekit_layers_basic.initializers import Ones as ones
from corekit_layers_basic.initializers import Orthogonal as Orthogonal
from corekit_layers_basic.initializers import Orthogonal as OrthogonalInitializer
from corekit_layers_basic.initializers import Orthogonal as orthogonal
from corekit_layers_basic.initializers import RandomNormal as RandomNormal
from corekit_layers_basic.initializers import RandomNormal as normal
from corekit_layers_basic.initializers import RandomNormal as random_normal
from corekit_layers_basic.initializers import RandomUniform as RandomUniform
from corekit_layers_basic.initializers import RandomUniform as random_uniform
from corekit_layers_basic.initializers import RandomUniform as uniform
from corekit_layers_basic.initializers import TruncatedNormal as TruncatedNormal
from corekit_layers_basic.initializers import TruncatedNormal as truncated_normal
from corekit_layers_basic.initializers import Zeros as Zeros
from corekit_layers_basic.initializers import Zeros as zero
from corekit_layers_basic.initializers import Zeros as zeros
from corekit_layers_basic.variance_scaling import GlorotNormal as GlorotNormal
from corekit_layers_basic.variance_scaling import GlorotNormal as glorot_normal
from corekit_layers_basic.variance_scaling import GlorotUniform as GlorotUniform
from corekit_layers_basic.variance_scaling import GlorotUniform as glorot_uniform
from corekit_layers_basic.variance_scaling import HeNormal as HeNormal
from corekit_layers_basic.variance_scaling import HeNormal as he_normal
from corekit_layers_basic.variance_scaling import HeUniform as HeUniform
from corekit_layers_basic.variance_scaling import HeUniform as he_uniform
from corekit_layers_basic.variance_scaling import LecunNormal as LecunNormal
from corekit_layers_basic.variance_scaling import LecunNormal as lecun_normal
from corekit_layers_basic.variance_scaling import LecunUniform as LecunUniform
from corekit_layers_basic.variance_scaling import LecunUniform as lecun_uniform
from corekit_layers_basic.variance_scaling import VarianceScaling as VarianceScaling
from corekit_layers_basic.variance_scaling import VarianceScaling as variance_scaling

def get(spec: Any) -> Any: ...
def __getattr__(name: str) -> Any: ...  # what other distributions bring
