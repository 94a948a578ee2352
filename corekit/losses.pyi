# Written by `make stubs` from the plugins' entry points; do not edit.
from typing import Any

from corekit.protocols.loss import Loss as Loss
from corekit_objectives.binary_crossentropy import BinaryCrossentropy as BinaryCrossentropy
from corekit_objectives.binary_crossentropy import binary_crossentropy as binary_crossentropy
from corekit_objectives.categorical_crossentropy import CategoricalCrossentropy as CategoricalCrossentropy
from corekit_objectives.categorical_crossentropy import categorical_crossentropy as categorical_crossentropy
from corekit_objectives.huber import Huber as Huber
from corekit_objectives.huber import huber as huber
from corekit_objectives.kl_divergence import KLDivergence as KLDivergence
from corekit_objectives.kl_divergence import kl_divergence as kl_divergence
from corekit_objectives.mean_absolute_error import MeanAbsoluteError as MeanAbsoluteError
from corekit_objectives.mean_absolute_error import mean_absolute_error as mean_absolute_error
from corekit_objectives.mean_squared_error import MeanSquaredError as MeanSquaredError
from corekit_objectives.mean_squared_error import mean_squared_error as mean_squared_error
from corekit_objectives.sparse_categorical_crossentropy import SparseCategoricalCrossentropy as SparseCategoricalCrossentropy
from corekit_objectives.sparse_categorical_crossentropy import sparse_categorical_crossentropy as sparse_categorical_crossentropy

BCE = binary_crossentropy
KLD = kl_divergence
MAE = mean_absolute_error
MSE = mean_squared_error
bce = binary_crossentropy
kld = kl_divergence
mae = mean_absolute_error
mse = mean_squared_error
def get(spec: Any) -> Any: ...
def __getattr__(name: str) -> Any: ...  # what other distributions bring
