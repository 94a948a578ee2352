"""Saves the model while it trains."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from corekit import Callback, example
from corekit.errors import ArgumentError
from corekit_callbacks_basic.monitor import Monitor


@example(filepath="digits-{epoch:02d}-{val_loss:.2f}.safetensors")
@example(filepath="best.safetensors", save_best_only=True)
@example(filepath="models/some.safetensors", save_freq=2)
class ModelCheckpoint(Callback):
    """Saves the model after each epoch, or after so many batches.

    Args:
        filepath: a `.safetensors` file; may hold `{epoch}` (from 1) and any name of the logs, as in
            "digits-{epoch:02d}-{val_loss:.2f}.safetensors". Its folder is made if it is missing.
        monitor: the value that `save_best_only` watches.
        verbose: 1 says what was saved.
        save_best_only: whether to save only when the watched value is the best so far.
        mode: "min", "max" or "auto" (by the name: accuracies rise, the rest falls).
        save_freq: "epoch", or a number of batches.
        initial_value_threshold: the value to beat at first.

    Raises:
        ArgumentError: an unknown mode or frequency, a value that the logs do not have.
        SaveError: the model cannot be saved, or the disk refuses.

    Example:
        >>> ModelCheckpoint("best.safetensors", monitor="val_accuracy", save_best_only=True).save_best_only
        True

    Reference: https://keras.io/api/callbacks/model_checkpoint/
    """

    def __init__(
        self,
        filepath: Any,
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        initial_value_threshold: float | None = None,
    ) -> None:
        if save_freq != "epoch" and not (isinstance(save_freq, int) and save_freq > 0):
            raise ArgumentError(f'ModelCheckpoint(save_freq={save_freq!r}): expected "epoch" or a number of batches.')
        if Path(str(filepath)).suffix != ".safetensors":
            raise ArgumentError(
                f'ModelCheckpoint("{filepath}"): a model file is called *.safetensors. '
                f'Write "{Path(str(filepath)).stem}.safetensors".'
            )
        self.filepath = str(filepath)
        self.verbose = verbose
        self.save_best_only = save_best_only
        self.save_freq = save_freq
        self._monitor = Monitor(monitor, mode, owner="ModelCheckpoint", baseline=initial_value_threshold)
        self._epoch = 0
        self._batches = 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Note the epoch."""
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Save after so many batches."""
        self._batches += 1
        if isinstance(self.save_freq, int) and self._batches % self.save_freq == 0:
            self._save(logs)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Save after the epoch."""
        if self.save_freq == "epoch":
            self._save(logs)

    def _save(self, logs: Any) -> None:
        if self.save_best_only and not self._monitor.improved(self._monitor.value(logs)):
            return
        try:
            path = Path(self.filepath.format(epoch=self._epoch + 1, **(logs or {})))
        except KeyError as error:
            raise ArgumentError(
                f'ModelCheckpoint("{self.filepath}"): the logs have no {error}, only {", ".join(logs or {})}.'
            ) from error
        path.parent.mkdir(parents=True, exist_ok=True)
        self.model.save(path)
        if self.verbose:
            print(f"ModelCheckpoint: epoch {self._epoch + 1} saved to {path}")
