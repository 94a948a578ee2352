"""Watching one value of the logs: whether it got better."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from corekit.errors import ArgumentError

RISING = ("acc", "auc", "precision", "recall", "f1")


class Monitor:
    """Remembers the best value of one name in the logs.

    Args:
        name: such as "val_loss".
        mode: "min" or "max" says which way is better; "auto" takes "max" for accuracies and their like.
        min_delta: a smaller change is no improvement.
        baseline: the value to beat at first.
        owner: the callback's name, for errors.
    """

    def __init__(
        self, name: str, mode: str, *, owner: str, min_delta: float = 0.0, baseline: float | None = None
    ) -> None:
        if mode not in ("auto", "min", "max"):
            raise ArgumentError(f'{owner}(mode="{mode}"): expected "auto", "min" or "max".')
        rising = mode == "max" or (mode == "auto" and any(word in name for word in RISING))
        self.name, self.owner = name, owner
        self._sign = 1.0 if rising else -1.0
        self._min_delta = abs(min_delta)
        self.best = -self._sign * math.inf if baseline is None else baseline

    def value(self, logs: Mapping[str, Any] | None) -> float:
        """Return the watched value.

        Raises:
            ArgumentError: the logs lack it.
        """
        if not logs or self.name not in logs:
            hint = "  Give fit validation_data or validation_split." if self.name.startswith("val_") else ""
            raise ArgumentError(
                f'{self.owner}(monitor="{self.name}"): the logs have no such value, only {", ".join(logs or {})}.{hint}'
            )
        return float(logs[self.name])

    def improved(self, value: float) -> bool:
        """Take a value into account; return whether it is better than every one before."""
        better = self._sign * (value - self.best) > self._min_delta
        if better:
            self.best = value
        return better
