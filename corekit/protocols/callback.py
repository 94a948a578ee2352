"""A callback watches training and may end it. Its hooks are the ones of Keras."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from corekit.protocols.configurable import Configurable

Logs = Mapping[str, Any]


class Callback(Configurable):
    """Override the moments that you need; each gets the logs so far.

    `self.model` is the model, `self.params` has "epochs", "steps" (None where unknown) and "verbose". Set
    `self.model.stop_training = True` to end training after the current batch. The values in `logs` are read from the
    device when they are looked at: a batch hook that does not look costs no wait.

    Example:
        >>> class Shout(Callback):
        ...     def on_epoch_end(self, epoch, logs=None):
        ...         print(f"epoch {epoch}: loss {logs['loss']:.2f}")

    Reference: https://keras.io/api/callbacks/base_callback/
    """

    model: Any = None
    params: Mapping[str, Any] = {}

    def set_model(self, model: Any) -> None:
        """Take the model that is about to be trained."""
        self.model = model

    def set_params(self, params: Mapping[str, Any]) -> None:
        """Take the figures of this run."""
        self.params = params

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """`fit` is about to start."""

    def on_train_end(self, logs: Logs | None = None) -> None:
        """`fit` has ended; `logs` are those of the last epoch."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Epoch number `epoch` (from 0) starts."""

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Epoch number `epoch` (from 0) is over; `logs` hold training and validation results."""

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Training batch number `batch` (from 0) starts."""

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Training batch number `batch` (from 0) is over."""

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """An evaluation starts, by `evaluate` or as validation."""

    def on_test_end(self, logs: Logs | None = None) -> None:
        """An evaluation is over."""

    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Evaluation batch number `batch` (from 0) starts."""

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Evaluation batch number `batch` (from 0) is over."""

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        """`predict` starts."""

    def on_predict_end(self, logs: Logs | None = None) -> None:
        """`predict` has ended."""

    def on_predict_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Prediction batch number `batch` (from 0) starts."""

    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Prediction batch number `batch` (from 0) is over."""
