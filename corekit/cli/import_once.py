"""The child process of `corekit timings`: imports what stdin names, and says on stdout in JSON what that cost.

It runs as a script, with no import of corekit's own before the clock starts but those that stdin asks for.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import sys
import time
from typing import Any


def main() -> None:
    """Read {"path", "targets"} and write {"ms", "modules", "megabytes"}, or {"error"} where an import failed."""
    asked = json.load(sys.stdin)
    answer = os.dup(1)
    os.dup2(2, 1)  # what a plugin prints is no part of the answer
    sys.path[:] = asked["path"]
    try:
        warm_up()
        found = cost(asked["targets"])
    except BaseException as error:  # SystemExit too
        found = {"error": " ".join(f"{type(error).__name__}: {error}".split())}
    os.write(answer, json.dumps(found).encode())


def warm_up() -> None:
    """Import torch and all of corekit: every program that uses a plugin has them."""
    importlib.import_module("torch")
    corekit = importlib.import_module("corekit")
    for name in corekit.__all__:
        getattr(corekit, name)


def cost(targets: list[str]) -> dict[str, Any]:
    """Import every "module:attribute" and return what that took.

    Example:
        >>> cost(["json:loads"])["modules"]
        0
    """
    gc.collect()
    modules, memory, began = set(sys.modules), megabytes(), time.perf_counter()
    for target in targets:
        module, _, attribute = target.partition(":")
        value: Any = importlib.import_module(module)
        for part in attribute.split("."):
            value = getattr(value, part)
    ms = 1e3 * (time.perf_counter() - began)
    growth = None if memory is None else (megabytes() or 0.0) - memory
    return {"ms": ms, "modules": len(set(sys.modules) - modules), "megabytes": growth}


def megabytes() -> float | None:
    """Return the memory that this process holds; None where /proc does not tell it."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    except OSError:
        return None


if __name__ == "__main__":
    main()
