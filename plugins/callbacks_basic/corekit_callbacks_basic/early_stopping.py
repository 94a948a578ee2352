"""Ends a training that no longer improves."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from corekit import Callback, example
from corekit_callbacks_basic.monitor import Monitor


@example()
@example(monitor="loss", patience=2, restore_best_weights=True)
class EarlyStopping(Callback):
    """Ends training when a watched value has not improved for a while.

    Args:
        monitor: the value's name in the logs.
        min_delta: a smaller change is no improvement.
        patience: epochs without improvement after which training ends; 0 ends it at the first.
        verbose: 1 says when it ends training.
        mode: "min", "max" or "auto" (by the name: accuracies rise, the rest falls).
        baseline: the value to beat at first.
        restore_best_weights: whether the model gets the weights of its best epoch back at the end.
        start_from_epoch: epochs to let pass before watching.

    Raises:
        ArgumentError: an unknown mode, or a value that the logs do not have.

    Example:
        >>> EarlyStopping(monitor="val_loss", patience=3).patience
        3

    Reference: https://keras.io/api/callbacks/early_stopping/
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        self._new_monitor: Callable[[], Monitor] = functools.partial(
            Monitor, monitor, mode, owner="EarlyStopping", min_delta=min_delta, baseline=baseline
        )
        self._monitor = self._new_monitor()  # a wrong mode is told at once
        self.patience = patience
        self.verbose = verbose
        self.restore_best_weights = restore_best_weights
        self.start_from_epoch = start_from_epoch
        self.stopped_epoch = 0

    def on_train_begin(self, logs: Any = None) -> None:
        """Start afresh."""
        self._monitor = self._new_monitor()
        self._waited = 0
        self._best_weights: Any = None
        self.best_epoch = 0
        self.stopped_epoch = 0

    @property
    def best(self) -> float:
        """The best value so far."""
        return self._monitor.best

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Compare, and end training where patience is at its end."""
        if epoch < self.start_from_epoch:
            return
        if self._monitor.improved(self._monitor.value(logs)):
            self._waited, self.best_epoch = 0, epoch
            if self.restore_best_weights:
                self._best_weights = [weight.detach().clone() for weight in self.model.weights]
            return
        if self._best_weights is None and self.restore_best_weights:  # a baseline that was never beaten
            self._best_weights = [weight.detach().clone() for weight in self.model.weights]
        self._waited += 1
        if self._waited >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: Any = None) -> None:
        """Bring the best weights back."""
        if self.stopped_epoch and self.verbose:
            print(f"EarlyStopping: training ended after epoch {self.stopped_epoch + 1}.")
        if self._best_weights is not None:
            for weight, best in zip(self.model.weights, self._best_weights, strict=True):
                weight.data.copy_(best)
