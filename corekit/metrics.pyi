# Written by `make stubs` from the plugins' entry points; do not edit.
from typing import Any

from corekit.protocols.metric import Metric as Metric
from corekit_objectives.accuracy import Accuracy as Accuracy
from corekit_objectives.binary_accuracy import BinaryAccuracy as BinaryAccuracy
from corekit_objectives.binary_accuracy import binary_accuracy as binary_accuracy
from corekit_objectives.categorical_accuracy import CategoricalAccuracy as CategoricalAccuracy
from corekit_objectives.categorical_accuracy import categorical_accuracy as categorical_accuracy
from corekit_objectives.crossentropy_metrics import BinaryCrossentropy as BinaryCrossentropy
from corekit_objectives.crossentropy_metrics import CategoricalCrossentropy as CategoricalCrossentropy
from corekit_objectives.crossentropy_metrics import SparseCategoricalCrossentropy as SparseCategoricalCrossentropy
from corekit_objectives.crossentropy_metrics import binary_crossentropy as binary_crossentropy
from corekit_objectives.crossentropy_metrics import categorical_crossentropy as categorical_crossentropy
from corekit_objectives.crossentropy_metrics import sparse_categorical_crossentropy as sparse_categorical_crossentropy
from corekit_objectives.error_metrics import MeanAbsoluteError as MeanAbsoluteError
from corekit_objectives.error_metrics import MeanSquaredError as MeanSquaredError
from corekit_objectives.error_metrics import RootMeanSquaredError as RootMeanSquaredError
from corekit_objectives.error_metrics import mean_absolute_error as mean_absolute_error
from corekit_objectives.error_metrics import mean_squared_error as mean_squared_error
from corekit_objectives.mean import Mean as Mean
from corekit_objectives.mean import Sum as Sum
from corekit_objectives.sparse_categorical_accuracy import SparseCategoricalAccuracy as SparseCategoricalAccuracy
from corekit_objectives.sparse_categorical_accuracy import sparse_categorical_accuracy as sparse_categorical_accuracy
from corekit_objectives.top_k_accuracy import SparseTopKCategoricalAccuracy as SparseTopKCategoricalAccuracy
from corekit_objectives.top_k_accuracy import TopKCategoricalAccuracy as TopKCategoricalAccuracy
from corekit_objectives.top_k_accuracy import sparse_top_k_categorical_accuracy as sparse_top_k_categorical_accuracy
from corekit_objectives.top_k_accuracy import top_k_categorical_accuracy as top_k_categorical_accuracy

BCE = binary_crossentropy
MAE = mean_absolute_error
MSE = mean_squared_error
acc = Accuracy
accuracy = Accuracy
bce = binary_crossentropy
mae = mean_absolute_error
mse = mean_squared_error
def get(spec: Any) -> Any: ...
def __getattr__(name: str) -> Any: ...  # what other distributions bring
