"""Callbacks of a run: who they are, and which of them wrote which hook."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from corekit.errors import ArgumentTypeError
from corekit.model.model import Model
from corekit.protocols.callback import Callback
from corekit.training.history import History


def watchers_of(
    callbacks: Iterable[Any] | None, history: History | None, model: Model, params: dict[str, Any]
) -> list[Any]:
    """Return the callbacks of a run, told whom and what they watch.

    Raises:
        ArgumentTypeError: one is no callback.
    """
    given = list(callbacks) if isinstance(callbacks, Iterable) else [] if callbacks is None else [callbacks]
    watchers = given if history is None else [*given, history]  # last: it notes what others add to the logs
    for watcher in watchers:
        if not isinstance(watcher, Callback):
            raise ArgumentTypeError(
                f"callbacks: got {watcher!r}; expected objects of corekit.Callback classes, such as "
                "corekit.callbacks.EarlyStopping()."
            )
        watcher.set_params(params)
        watcher.set_model(model)
    return watchers


def listeners(watchers: list[Any], hook: str) -> list[Callable[..., Any]]:
    """Return the hooks that somebody wrote: an inherited empty one is never called."""
    found = [getattr(watcher, hook) for watcher in watchers]
    empty = getattr(Callback, hook)
    return [method for method in found if getattr(method, "__func__", None) is not empty]


def tell(watchers: list[Any], hook: str, *args: Any) -> None:
    """Call a hook of everybody who wrote it."""
    for method in listeners(watchers, hook):
        method(*args)
