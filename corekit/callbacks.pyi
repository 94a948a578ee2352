# Written by `make stubs` from the plugins' entry points; do not edit.
from typing import Any

from corekit.protocols.callback import Callback as Callback
from corekit.training.history import History as History
from corekit_callbacks_basic.early_stopping import EarlyStopping as EarlyStopping
from corekit_callbacks_basic.lambda_callback import LambdaCallback as LambdaCallback
from corekit_callbacks_basic.model_checkpoint import ModelCheckpoint as ModelCheckpoint

def __getattr__(name: str) -> Any: ...  # what other distributions bring
