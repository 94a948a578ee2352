"""fastai as its users write it: a Learner over DataLoaders. It reports the loss of each epoch, no accuracy."""

from __future__ import annotations

from typing import Any

import fastai.callback.progress  # noqa: F401  # makes the bar a default, as `from fastai.tabular.all import *` does
import torch
from fastai.basics import Adam, Callback, CancelFitException, CancelValidException, DataLoaders, Learner
from fastai.data.load import DataLoader
from torch.utils.data import TensorDataset

from benchmarks.frameworks import AfterEpoch
from benchmarks.frameworks.torch_modules import arrays, module
from benchmarks.workloads import Array, Workload


class AfterEach(Callback):
    """Calls a function after each epoch, and stops when it says so; nothing is validated."""

    def __init__(self, after_epoch: AfterEpoch) -> None:
        self.told = after_epoch

    def before_validate(self) -> None:
        raise CancelValidException

    def after_epoch(self) -> None:
        if self.told():
            raise CancelFitException


class FastaiSession:
    """A model with its data; arguments as `prepare`."""

    def __init__(self, workload: Workload, x: Array, y: Array) -> None:
        self.workload = workload
        data = TensorDataset(torch.from_numpy(arrays(workload, x)), torch.from_numpy(y))
        loaders = [DataLoader(data, bs=workload.batch, shuffle=shuffle, num_workers=0) for shuffle in (True, False)]
        self.learner = Learner(
            DataLoaders(*loaders, device=torch.device("cpu")), module(workload), opt_func=Adam, lr=1e-3,
            loss_func=torch.nn.CrossEntropyLoss(), wd=0.01 if workload.optimizer == "adamw" else 0.0,
        )  # fmt: skip

    def fit(self, epochs: int, after_epoch: AfterEpoch) -> None:
        self.learner.fit(epochs, cbs=[AfterEach(after_epoch)])

    def predict(self, x: Array) -> Array:
        data = TensorDataset(torch.from_numpy(arrays(self.workload, x)))
        loader: Any = DataLoader(data, bs=self.workload.batch, num_workers=0)
        with self.learner.no_bar():
            scores, _ = self.learner.get_preds(dl=loader)
        found: Array = scores.softmax(dim=-1).numpy()
        return found

    def engine(self) -> str | None:
        return None


def prepare(workload: Workload, x: Array, y: Array, variant: str) -> FastaiSession:
    return FastaiSession(workload, x, y)
