"""What was measured of a step, kept on disk for the next run: one small JSON file for each kind of step.

A file that is missing, damaged or from another version is as if nothing had been measured; one that cannot be written
is not written. `COREKIT_CACHE` names another folder than the user's cache.
"""

from __future__ import annotations

import hashlib
import json
import platform
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from corekit import cache

FORMAT = 1  # raised when the meaning of a field changes


@dataclass
class Measured:
    """What is known of a step.

    Args:
        eager: seconds a step, made eagerly.
        compiled: seconds a step, compiled.
        load: seconds that a ready compiled step takes to load.
        is_real: whether both were measured on steps of a training, not by a helper or by a guess.
    """

    eager: float
    compiled: float
    load: float
    is_real: bool = False

    @property
    def share(self) -> float:
        """The share of an eager step that compiling saves."""
        return 1 - self.compiled / self.eager

    def compared(self) -> str:
        """Return both figures in words."""
        how = "measured" if self.is_real else "estimated"
        return f"{self.compiled * 1e3:.3g} ms a step compiled, {self.eager * 1e3:.3g} ms eagerly ({how})"


def signature(*parts: Any) -> str:
    """Return the name under which a step is remembered: its parts, this machine and this torch."""
    processor = torch.backends.cpu.get_cpu_capability()  # not platform.processor(), which starts a process: 5 ms
    here = (FORMAT, torch.__version__, platform.machine(), processor, torch.get_num_threads())
    return hashlib.sha256(repr((*here, *parts)).encode()).hexdigest()[:32]


def recall(name: str) -> Measured | None:
    """Return what is known of a step, or None."""
    try:
        return Measured(**json.loads(_path(name).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def remember(name: str, measured: Measured) -> None:
    """Keep what was measured of a step."""
    cache.replace(str(_path(name)), json.dumps(asdict(measured)))


def _path(name: str) -> Path:
    return Path(cache.folder("steps"), f"{name}.json")
