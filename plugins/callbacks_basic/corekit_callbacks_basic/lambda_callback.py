"""Functions as a callback."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from corekit import Callback
from corekit.errors import ArgumentError


class LambdaCallback(Callback):
    """Calls a function at each moment that is named.

    Args:
        on_epoch_begin: called as (epoch, logs).
        on_epoch_end: called as (epoch, logs).
        on_train_begin: called as (logs).
        on_train_end: called as (logs).
        on_train_batch_begin: called as (batch, logs).
        on_train_batch_end: called as (batch, logs).
        others: any other hook of `corekit.Callback`, by its name.

    Raises:
        ArgumentError: a callback has no hook of that name.

    Example:
        >>> seen = []
        >>> LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(epoch)).on_epoch_end(3, {})
        >>> seen
        [3]

    Reference: https://keras.io/api/callbacks/lambda_callback/
    """

    def __init__(
        self,
        on_epoch_begin: Callable[..., Any] | None = None,
        on_epoch_end: Callable[..., Any] | None = None,
        on_train_begin: Callable[..., Any] | None = None,
        on_train_end: Callable[..., Any] | None = None,
        on_train_batch_begin: Callable[..., Any] | None = None,
        on_train_batch_end: Callable[..., Any] | None = None,
        **others: Callable[..., Any],
    ) -> None:
        given = {
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin,
            "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin,
            "on_train_batch_end": on_train_batch_end,
            **others,
        }
        for hook, function in given.items():
            if not (hook.startswith("on_") and hasattr(Callback, hook)):
                hooks = [name for name in dir(Callback) if name.startswith("on_")]
                raise ArgumentError(
                    f"LambdaCallback({hook}=...): there is no such moment. There are {', '.join(hooks)}."
                )
            if function is not None:
                setattr(self, hook, function)  # only hooks that are given: a batch hook costs where it exists
