# Written by `make stubs` from the plugins' entry points; do not edit.
from typing import Any

from corekit.protocols.weights import Initializer as Initializer
from corekit_layers_basic.initializers import Constant as Constant
from corekit_layers_basic.initializers import Identity as Identity
from corekit_layers_basic.initializers import Ones as Ones
from corekit_layers_basic.initializers import Orthogonal as Orthogonal
from corekit_layers_basic.initializers import RandomNormal as RandomNormal
from corekit_layers_basic.initializers import RandomUniform as RandomUniform
from corekit_layers_basic.initializers import TruncatedNormal as TruncatedNormal
from corekit_layers_basic.initializers import Zeros as Zeros
from corekit_layers_basic.variance_scaling import GlorotNormal as GlorotNormal
from corekit_layers_basic.variance_scaling import GlorotUniform as GlorotUniform
from corekit_layers_basic.variance_scaling import HeNormal as HeNormal
from corekit_layers_basic.variance_scaling import HeUniform as HeUniform
from corekit_layers_basic.variance_scaling import LecunNormal as LecunNormal
from corekit_layers_basic.variance_scaling import LecunUniform as LecunUniform
from corekit_layers_basic.variance_scaling import VarianceScaling as VarianceScaling

IdentityInitializer = Identity
OrthogonalInitializer = Orthogonal
constant = Constant
glorot_normal = GlorotNormal
glorot_uniform = GlorotUniform
he_normal = HeNormal
he_uniform = HeUniform
identity = Identity
lecun_normal = LecunNormal
lecun_uniform = LecunUniform
normal = RandomNormal
one = Ones
ones = Ones
orthogonal = Orthogonal
random_normal = RandomNormal
random_uniform = RandomUniform
truncated_normal = TruncatedNormal
uniform = RandomUniform
variance_scaling = VarianceScaling
zero = Zeros
zeros = Zeros
def get(spec: Any) -> Any: ...
def __getattr__(name: str) -> Any: ...  # what other distributions bring
