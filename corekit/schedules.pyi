# Written by `make stubs` from the plugins' entry points; do not edit.
from typing import Any

from corekit.protocols.schedule import LearningRateSchedule as LearningRateSchedule
from corekit_optim_basic.cosine_decay import CosineDecay as CosineDecay
from corekit_optim_basic.cosine_decay_restarts import CosineDecayRestarts as CosineDecayRestarts
from corekit_optim_basic.exponential_decay import ExponentialDecay as ExponentialDecay
from corekit_optim_basic.inverse_time_decay import InverseTimeDecay as InverseTimeDecay
from corekit_optim_basic.piecewise_constant_decay import PiecewiseConstantDecay as PiecewiseConstantDecay
from corekit_optim_basic.polynomial_decay import PolynomialDecay as PolynomialDecay

def get(spec: Any) -> Any: ...
def __getattr__(name: str) -> Any: ...  # what other distributions bring
