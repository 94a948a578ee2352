# Written by `make stubs` from the plugins' entry points; do not edit.
from typing import Any

from corekit import optimizers as optimizers
from corekit import schedules as schedules
from corekit.protocols.optimizer import Optimizer as Optimizer
from corekit_optim_adamw.adamw import AdamW as AdamW
from corekit_optim_basic.adam import Adam as Adam
from corekit_optim_basic.rmsprop import RMSprop as RMSprop
from corekit_optim_basic.sgd import SGD as SGD

experimental = optimizers
def get(spec: Any) -> Any: ...
def __getattr__(name: str) -> Any: ...  # what other distributions bring
