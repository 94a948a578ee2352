"""skorch as its users write it: a NeuralNet around a module. It reports the loss of each epoch, no accuracy."""

from __future__ import annotations

from typing import Any

import torch
from skorch import NeuralNet
from skorch.callbacks import Callback

from benchmarks.frameworks import AfterEpoch
from benchmarks.frameworks.torch_modules import arrays, module
from benchmarks.workloads import Array, Workload


class AfterEach(Callback):
    """Calls a function after each epoch, and stops when it says so, the way skorch is stopped from within."""

    def __init__(self, after_epoch: AfterEpoch) -> None:
        self.after_epoch = after_epoch

    def on_epoch_end(self, net: Any, **given: Any) -> None:
        if self.after_epoch():
            raise KeyboardInterrupt


class SkorchSession:
    """A model with its data; arguments as `prepare`."""

    def __init__(self, workload: Workload, x: Array, y: Array) -> None:
        self.workload, self.x, self.y = workload, arrays(workload, x), y
        self.model = module(workload)

    def fit(self, epochs: int, after_epoch: AfterEpoch) -> None:
        decay = {"optimizer__weight_decay": 0.01} if self.workload.optimizer == "adamw" else {}
        self.net = NeuralNet(
            self.model, criterion=torch.nn.CrossEntropyLoss, lr=1e-3, max_epochs=epochs, train_split=None,
            optimizer=torch.optim.AdamW if decay else torch.optim.Adam, batch_size=self.workload.batch,
            iterator_train__shuffle=True, callbacks=[AfterEach(after_epoch)], **decay,
        )  # fmt: skip
        self.net.fit(self.x, self.y)

    def predict(self, x: Array) -> Array:
        found: Array = self.net.predict_proba(arrays(self.workload, x))
        return found

    def engine(self) -> str | None:
        return None


def prepare(workload: Workload, x: Array, y: Array, variant: str) -> SkorchSession:
    return SkorchSession(workload, x, y)
