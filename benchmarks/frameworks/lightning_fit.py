"""Lightning as its users write it: a LightningModule, a DataLoader and a Trainer with its progress bar."""

from __future__ import annotations

from typing import Any

import lightning
import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.frameworks import AfterEpoch
from benchmarks.frameworks.torch_modules import arrays, module, optimizer
from benchmarks.workloads import Array, Workload


class Classifier(lightning.LightningModule):
    def __init__(self, workload: Workload) -> None:
        super().__init__()
        self.workload = workload
        self.module = module(workload)

    def training_step(self, batch: Any, number: int) -> Tensor:
        x, y = batch
        scores = self.module(x)
        loss = cross_entropy(scores, y)
        hits = (scores.argmax(dim=1) == y.argmax(dim=1)).float().mean()
        self.log_dict({"loss": loss, "accuracy": hits}, on_step=False, on_epoch=True, prog_bar=True)
        return loss

    def predict_step(self, batch: Any, number: int) -> Tensor:
        return self.module(batch[0]).softmax(dim=-1)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return optimizer(self.workload, self)


class AfterEach(lightning.Callback):
    """Calls a function after each epoch, and stops when it says so."""

    def __init__(self, after_epoch: AfterEpoch) -> None:
        self.after_epoch = after_epoch

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        trainer.should_stop = self.after_epoch()


class LightningSession:
    """A model with its data; arguments as `prepare`."""

    def __init__(self, workload: Workload, x: Array, y: Array) -> None:
        self.workload = workload
        data = TensorDataset(torch.from_numpy(arrays(workload, x)), torch.from_numpy(y))
        self.loader = DataLoader(data, batch_size=workload.batch, shuffle=True)
        self.model = Classifier(workload)

    def fit(self, epochs: int, after_epoch: AfterEpoch) -> None:
        # logger and checkpoints write files, which no other framework here does
        trainer = lightning.Trainer(
            max_epochs=epochs, accelerator="cpu", logger=False, enable_checkpointing=False,
            callbacks=[AfterEach(after_epoch)],
        )  # fmt: skip
        trainer.fit(self.model, self.loader)
        self.trainer = lightning.Trainer(
            accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False
        )

    def predict(self, x: Array) -> Array:
        data = TensorDataset(torch.from_numpy(arrays(self.workload, x)))
        parts = self.trainer.predict(self.model, DataLoader(data, batch_size=self.workload.batch))
        return np.concatenate([part.numpy() for part in parts])

    def engine(self) -> str | None:
        return None


def prepare(workload: Workload, x: Array, y: Array, variant: str) -> LightningSession:
    return LightningSession(workload, x, y)
