from typing import Any

from corekit import activations as activations
from corekit import callbacks as callbacks
from corekit import config as config
from corekit import constraints as constraints
from corekit import errors as errors
from corekit import initializers as initializers
from corekit import layers as layers
from corekit import losses as losses
from corekit import metrics as metrics
from corekit import mixed_precision as mixed_precision
from corekit import models as models
from corekit import ops as ops
from corekit import optimizers as optimizers
from corekit import registry as registry
from corekit import regularizers as regularizers
from corekit import saving as saving
from corekit import schedules as schedules
from corekit import testing as testing
from corekit import utils as utils
from corekit.errors import CorekitError as CorekitError
from corekit.model.graph import Input as Input
from corekit.model.model import Model as Model
from corekit.model.register import register as register
from corekit.model.sequential import Sequential as Sequential
from corekit.model.wrap import layer as layer
from corekit.protocols.callback import Callback as Callback
from corekit.protocols.example import Values as Values
from corekit.protocols.example import example as example
from corekit.protocols.example import known_failure as known_failure
from corekit.protocols.layer import Layer as Layer
from corekit.protocols.loss import Loss as Loss
from corekit.protocols.metric import Metric as Metric
from corekit.protocols.optimizer import Optimizer as Optimizer
from corekit.protocols.precision import DTypePolicy as DTypePolicy
from corekit.protocols.reference import reference as reference
from corekit.protocols.schedule import LearningRateSchedule as LearningRateSchedule
from corekit.protocols.weights import Constraint as Constraint
from corekit.protocols.weights import Initializer as Initializer
from corekit.protocols.weights import Regularizer as Regularizer
from corekit.registry.hooks import hookimpl as hookimpl
from corekit.registry.policy import plugins as plugins
from corekit.registry.policy import prefer as prefer
from corekit.saving import load_model as load_model

__version__: str

def get(kind: str, name: str) -> Any: ...
