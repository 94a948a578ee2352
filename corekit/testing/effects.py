"""What a component has no business to change: settings of the process, random generators, other people's functions."""

from __future__ import annotations

import builtins
import contextlib
import io
import logging
import os
import random
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

import corekit
from corekit.registry import registry

TORCH_GENERATOR = "torch's random generator"

_STATE: dict[str, Callable[[], Any]] = {
    "the environment variables": lambda: dict(os.environ),
    "the working directory": os.getcwd,
    "the signal handlers": lambda: {number: signal.getsignal(number) for number in signal.valid_signals()},
    "sys.path": lambda: list(sys.path),
    "sys.stdout, sys.stderr or sys.excepthook": lambda: (sys.stdout, sys.stderr, sys.excepthook),
    "the recursion limit": sys.getrecursionlimit,
    "the filters of warnings": lambda: list(warnings.filters),
    "the handlers or the level of the root logger": lambda: (list(logging.root.handlers), logging.root.level),
    "Python's random generator": random.getstate,
    "numpy's random generator": lambda: str(np.random.get_state()),
    TORCH_GENERATOR: lambda: torch.get_rng_state().tolist(),
    "torch's default dtype or device": lambda: (torch.get_default_dtype(), torch.get_default_device()),
    "torch's number of threads": lambda: (torch.get_num_threads(), torch.get_num_interop_threads()),
    "whether torch records gradients": torch.is_grad_enabled,
    "torch's deterministic mode": torch.are_deterministic_algorithms_enabled,
    "the running threads": lambda: sorted(thread.name for thread in threading.enumerate()),
}
"""What must stay as it was, and how it is asked for."""

_PATCHED: tuple[Any, ...] = (
    builtins, os, np, torch, torch.nn, torch.nn.functional, torch.Tensor, torch.nn.Module, torch.optim.Optimizer,
    corekit, corekit.Layer, corekit.Optimizer, corekit.Loss, corekit.Metric, type(registry),
)  # fmt: skip
"""Whose attributes nobody else has any business to exchange."""

State = tuple[dict[str, Any], dict[str, int]]


def snapshot() -> State:
    """Return what should be left alone: settings, and the identities of other people's functions."""
    marks = {
        f"{name}.{attribute}": id(value)
        for name, owner in _owners().items()
        for attribute, value in vars(owner).items()
        if callable(value)
    }
    return {what: ask() for what, ask in _STATE.items()}, marks


def effects(before: State, after: State) -> list[str]:
    """Return what is different, in words."""
    changed = [f"changes {what}" for what, value in before[0].items() if after[0][what] != value]
    exchanged = [name for name, mark in before[1].items() if after[1].get(name) != mark]
    return changed + [f"replaces {name}" for name in exchanged]


@contextlib.contextmanager
def watched(*, allowed: tuple[str, ...] = ()) -> Iterator[list[str]]:
    """A context after which the list that it gives names the effects of what ran inside; they are undone.

    Args:
        allowed: things of `_STATE` that may change, such as TORCH_GENERATOR.
    """
    found: list[str] = []
    out, err = io.StringIO(), io.StringIO()
    with _restored(), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        before = snapshot()
        yield found
        after = snapshot()
        for what in allowed:
            after[0][what] = before[0][what]
        found += effects(before, after)
    if printed := out.getvalue() + err.getvalue():
        found.append(f"prints {printed[:60]!r}")


@contextlib.contextmanager
def _restored() -> Iterator[None]:
    """Bring back, on the way out, what one can bring back."""
    functions = [(owner, dict(vars(owner))) for owner in _owners().values()]
    dtype, grad, threads = torch.get_default_dtype(), torch.is_grad_enabled(), torch.get_num_threads()
    device, interpreter = torch.get_default_device(), sys.getrecursionlimit()
    deterministic, states = torch.are_deterministic_algorithms_enabled(), (random.getstate(), np.random.get_state())
    environment, folder, path = dict(os.environ), os.getcwd(), list(sys.path)
    handlers, level, hook = list(logging.root.handlers), logging.root.level, sys.excepthook
    try:
        with warnings.catch_warnings():
            yield
    finally:
        for owner, held in functions:
            for name, value in held.items():
                if callable(value) and vars(owner).get(name) is not value:
                    setattr(owner, name, value)
        torch.set_default_dtype(dtype)
        if torch.get_default_device() != device:
            torch.set_default_device(device)
        torch.set_grad_enabled(grad)
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(deterministic)
        random.setstate(states[0])
        np.random.set_state(states[1])
        if dict(os.environ) != environment:
            os.environ.clear()
            os.environ.update(environment)
        os.chdir(folder)
        sys.path[:], sys.excepthook = path, hook
        sys.setrecursionlimit(interpreter)
        logging.root.handlers[:] = handlers
        logging.root.setLevel(level)


def _owners() -> dict[str, Any]:
    return {
        f"{owner.__module__}.{owner.__name__}" if isinstance(owner, type) else owner.__name__: owner
        for owner in _PATCHED
    }
