"""One file per competitor, all with the same function:

    prepare(workload, x, y, variant) -> session

    session.fit(epochs, after_epoch)    trains; after_epoch() says after each epoch whether to stop
    session.predict(x)                  probabilities as numpy, the way a user of the framework asks for them
    session.engine()                    which engine trains, in words; None where there is only one

Each epoch ends with the loss and accuracy as Python numbers: a user would see them.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Protocol

from benchmarks.workloads import Array, Workload

AfterEpoch = Callable[[], bool]


class NotApplicableError(Exception):
    """A framework has no way for a workload; the message, which goes into the table, says why."""


class Session(Protocol):
    """A model with its data, ready to be trained."""

    def fit(self, epochs: int, after_epoch: AfterEpoch) -> None: ...

    def predict(self, x: Array) -> Array: ...

    def engine(self) -> str | None: ...


Prepare = Callable[[Workload, Array, Array, str], Session]

# What is run under which name: (module of this folder, its variant). The order is the table's.
FRAMEWORKS = {
    "corekit": ("corekit_fit", "auto"),
    "corekit_eager": ("corekit_fit", "eager"),
    "corekit_compiled": ("corekit_fit", "compiled"),
    "torch_tuned": ("torch_tuned", ""),
    "torch_compiled": ("torch_compiled", ""),
    "torch_compile_public": ("torch_compile_public", ""),
    "torch_naive": ("torch_naive", ""),
    "keras_torch": ("keras_fit", "torch"),
    "keras_tf": ("keras_fit", "tensorflow"),
    "keras_jax": ("keras_fit", "jax"),
    "lightning": ("lightning_fit", ""),
    "skorch": ("skorch_fit", ""),
    "fastai": ("fastai_fit", ""),
}
TUNED = ("torch_tuned", "torch_compiled")  # the tuned loop of a workload is the faster of these


def load(framework: str) -> Prepare:
    """Import the framework, and return its `prepare`."""
    module, _ = FRAMEWORKS[framework]
    prepare: Prepare = importlib.import_module(f"benchmarks.frameworks.{module}").prepare
    return prepare
