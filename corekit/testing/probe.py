"""What `corekit doctor` runs in a process of its own: imports one plugin, and tells what that did.

    python -m corekit.testing.probe DISTRIBUTION REPORT

REPORT gets a line of JSON before and after each thing that is imported, so that whoever reads it knows which one ended
the process. What the plugin prints goes where the process prints.
"""

from __future__ import annotations

import builtins
import json
import logging
import os
import random
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

import corekit
from corekit.registry import hooks, index, registry
from corekit.registry.component import described

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
    "torch's random generator": lambda: torch.get_rng_state().tolist(),
    "torch's default dtype or device": lambda: (torch.get_default_dtype(), torch.get_default_device()),
    "torch's number of threads": lambda: (torch.get_num_threads(), torch.get_num_interop_threads()),
    "whether torch records gradients": torch.is_grad_enabled,
    "torch's deterministic mode": torch.are_deterministic_algorithms_enabled,
    "the running threads": lambda: sorted(thread.name for thread in threading.enumerate()),
}
"""What an import has no business to change."""

_PATCHED: tuple[Any, ...] = (
    builtins, os, np, torch, torch.nn, torch.nn.functional, torch.Tensor, torch.nn.Module, torch.optim.Optimizer,
    corekit, corekit.Layer, corekit.Optimizer, corekit.Loss, corekit.Metric, type(registry),
)  # fmt: skip
"""Whose attributes an import has no business to exchange."""


def effects(before: tuple[dict[str, Any], dict[str, int]], after: tuple[dict[str, Any], dict[str, int]]) -> list[str]:
    """Return what is different, in words."""
    changed = [f"changes {what}" for what, value in before[0].items() if after[0][what] != value]
    exchanged = [name for name, mark in before[1].items() if after[1].get(name) != mark]
    return changed + [f"replaces {name}" for name in exchanged]


def snapshot() -> tuple[dict[str, Any], dict[str, int]]:
    """Return what an import should leave alone: settings, and the identities of other people's functions."""
    names = {
        f"{owner.__module__}.{owner.__name__}" if isinstance(owner, type) else owner.__name__: owner
        for owner in _PATCHED
    }
    marks = {
        f"{name}.{attribute}": id(value)
        for name, owner in names.items()
        for attribute, value in vars(owner).items()
        if callable(value)
    }
    return {what: ask() for what, ask in _STATE.items()}, marks


def own_complaints(loaded: hooks.Loaded) -> list[str]:
    """Return what a plugin's own `check_installation` finds wrong."""
    said: list[str] = []
    failed = hooks.call(
        loaded.functions.get("check_installation", []), {"complain": lambda text: said.append(str(text))}
    )
    return [*said, *(problem.message for problem in failed)]


def main(distribution: str, report: str) -> None:
    """Import a distribution's components, then run its hook modules."""
    with open(report, "w", encoding="utf-8") as file:

        def tell(**fact: Any) -> None:
            file.write(json.dumps(fact) + "\n")
            file.flush()

        before = snapshot()
        for component in registry.components():
            if component.distribution == distribution:
                label = f"{component.kind} {component.name}"
                tell(begin=label)
                start, error = time.perf_counter(), None
                try:
                    registry.load(component)
                except BaseException as caught:
                    error = described(caught.__cause__ or caught)
                tell(end=label, ms=1e3 * (time.perf_counter() - start), error=error)
        offered: list[str] = []
        complaints: list[str] = []
        for module in index.current().hooks:
            if module.distribution == distribution:
                label = f'hook module "{module.module}"'
                tell(begin=label)
                start = time.perf_counter()
                loaded = hooks.load([module])
                offered += [f"{component.kind} {component.name}" for component in loaded.components]
                took = 1e3 * (time.perf_counter() - start)
                tell(end=label, ms=took, error=loaded.problems[0].message if loaded.problems else None)
                complaints += own_complaints(loaded)
        sys.stdout.flush()
        tell(effects=effects(before, snapshot()), offered=sorted(offered), complaints=complaints)
    os._exit(0)  # whatever threads and exit handlers it left behind


if __name__ == "__main__":
    main(*sys.argv[1:])
