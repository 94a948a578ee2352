"""What a training showed, epoch by epoch; and the running values, read only when somebody looks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from corekit.protocols.callback import Callback, Logs


class History(Callback):
    """The record that `fit` returns.

    `history.history` maps each name ("loss", "val_accuracy") to its value after each epoch, `history.epoch` lists the
    epochs' numbers.

    Reference: https://keras.io/api/callbacks/history/
    """

    def __init__(self) -> None:
        self.history: dict[str, list[float]] = {}
        self.epoch: list[int] = []

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Forget an earlier run."""
        self.history, self.epoch = {}, []

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Note the values."""
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)

    def __repr__(self) -> str:
        return f"<History of {len(self.epoch)} epochs: {', '.join(self.history)}>"


class LazyLogs(Mapping[str, float]):
    """Logs that still lie on the device; looking at one waits for it.

    Args:
        values: 0-d tensors or numbers by name.
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def __getitem__(self, name: str) -> float:
        return float(self._values[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return repr(dict(self))
