"""corekit as its users write it: `compile` and `fit` with their defaults, progress bar and accuracy on.

Variants: "auto" (the default), "eager" (jit_compile=False), "compiled" (jit_compile=True).
"""

from __future__ import annotations

from typing import Any

import corekit as ck
from benchmarks.frameworks import AfterEpoch, NotApplicableError
from benchmarks.workloads import Array, Workload

ck.Layer  # noqa: B018  # asking for it imports torch, which belongs to the import time
_COMPILE: dict[str, bool | str] = {"auto": "auto", "eager": False, "compiled": True}
_SETTLING = ("no step was made", "too few", "helper process")  # words of an engine line that may change yet


class AfterEach(ck.Callback):
    """Calls a function after each epoch, and stops when it says so."""

    def __init__(self, after_epoch: AfterEpoch) -> None:
        super().__init__()
        self.after_epoch = after_epoch

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if self.after_epoch():
            self.model.stop_training = True


class CorekitSession:
    """A compiled model with its data; arguments as `prepare`."""

    def __init__(self, workload: Workload, x: Array, y: Array, variant: str) -> None:
        from benchmarks.frameworks.corekit_models import model

        ck.utils.set_random_seed(0)
        self.workload, self.x, self.y = workload, x, y
        self.model = model(workload)
        rule: Any = "adam"
        if workload.optimizer == "adamw":
            rule = ck.optimizers.AdamW(learning_rate=1e-3, weight_decay=0.01)
        self.model.compile(
            optimizer=rule, loss="categorical_crossentropy", metrics=["accuracy"], jit_compile=_COMPILE[variant]
        )

    def fit(self, epochs: int, after_epoch: AfterEpoch) -> None:
        self.model.fit(
            self.x, self.y, batch_size=self.workload.batch, epochs=epochs, callbacks=[AfterEach(after_epoch)]
        )

    def predict(self, x: Array) -> Array:
        found: Array = self.model.predict(x, verbose=0)
        return found

    def engine(self) -> str | None:
        told = getattr(self.model, "step_engine", None)
        return None if told is None else str(told)

    def settled(self) -> bool:
        return is_settled(self.engine())


def is_settled(engine: str | None) -> bool:
    """Whether the engine that this line describes is the one that will stay."""
    return not any(word in (engine or "") for word in _SETTLING)


def prepare(workload: Workload, x: Array, y: Array, variant: str) -> CorekitSession:
    try:
        return CorekitSession(workload, x, y, variant)
    except ck.errors.UnknownNameError as error:  # a layer whose plugin is not installed
        raise NotApplicableError(str(error).splitlines()[0]) from error
