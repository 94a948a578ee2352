"""Fixtures for every test of the repository, the plugins' included."""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

Oracle = Callable[..., dict[str, np.ndarray]]

_PROLOGUE = """
import os, sys, warnings
os.environ["KERAS_BACKEND"] = "torch"
warnings.simplefilter("ignore")
import numpy as np, torch, keras
globals().update(np.load(sys.argv[1], allow_pickle=False))
result = {}
"""
_EPILOGUE = """
def _plain(value):
    return value.detach().cpu().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)
np.savez(sys.argv[2], **{key: _plain(value) for key, value in result.items()})
"""


@pytest.fixture(scope="session")
def keras_oracle(tmp_path_factory: pytest.TempPathFactory) -> Oracle:
    """Return `ask(script, **arrays)`: what Keras 3 (torch backend) says, from a process of its own.

    The script sees `keras`, `np`, `torch` and the arrays by name, and puts arrays into the dict `result`.
    A start of Keras takes seconds: ask once for all the cases of a module.
    """
    if importlib.util.find_spec("keras") is None:  # not imported here: its default backend may be missing
        pytest.skip("Keras is the reference; it is a development dependency")

    def ask(script: str, **arrays: np.ndarray) -> dict[str, np.ndarray]:
        folder: Path = tmp_path_factory.mktemp("keras")
        np.savez(folder / "in.npz", **arrays)
        code = "\n".join([_PROLOGUE, script, _EPILOGUE])
        command = [sys.executable, "-c", code, str(folder / "in.npz"), str(folder / "out.npz")]
        run = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "KERAS_BACKEND": "torch"})
        if run.returncode:
            raise RuntimeError(f"Keras said:\n{run.stderr[-3000:]}")
        with np.load(folder / "out.npz") as answer:
            return dict(answer)

    return ask
