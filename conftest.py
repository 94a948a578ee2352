"""Fixtures for every test of the repository, the plugins' included."""

import contextlib
import importlib.util
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

Oracle = Callable[..., dict[str, np.ndarray]]

_SERVER = """
import os, sys, traceback, warnings
os.environ["KERAS_BACKEND"] = "torch"
warnings.simplefilter("ignore")
import numpy as np, torch, keras

def plain(value):
    return value.detach().cpu().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)

def answer(folder):
    told = os.open(f"{folder}/told.txt", os.O_CREAT | os.O_WRONLY)
    os.dup2(told, 1)
    os.dup2(told, 2)
    try:
        given = {"__name__": "__main__", "keras": keras, "np": np, "torch": torch, "result": {}}
        given |= np.load(f"{folder}/in.npz")
        with open(f"{folder}/script.py", encoding="utf-8") as file:
            exec(compile(file.read(), file.name, "exec"), given)
        np.savez(f"{folder}/out.npz", **{key: plain(value) for key, value in given["result"].items()})
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)

for line in sys.stdin:
    child = os.fork() if sys.platform == "linux" else 0
    if child == 0:
        answer(line.rstrip())
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class KerasProcess:
    """A process that has imported Keras, which takes seconds, and answers each question in a fork of its own.

    Where forks are not safe (macOS) or not there, it answers one question and ends, and the next one starts another.
    """

    def __init__(self, folder: Path) -> None:
        self.errors = folder / "errors.txt"
        self.process: subprocess.Popen[str] | None = None

    def answer(self, folder: Path) -> None:
        """Run script.py of a folder on its in.npz, and write out.npz there."""
        process = self.process or self.start()
        with contextlib.suppress(BrokenPipeError):  # it could not import Keras: the end of its output tells
            process.stdin.write(f"{folder}\n")
            process.stdin.flush()
        told = process.stdout.readline()
        code = int(told) if told else self.end()
        if code:
            notes = [path.read_text() for path in (self.errors, folder / "told.txt") if path.exists()]
            raise RuntimeError(f"Keras ended with {code}. It said:\n{''.join(notes)[-3000:]}")

    def start(self) -> subprocess.Popen[str]:
        """Start it."""
        with self.errors.open("w") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-c", _SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
            )
        return self.process

    def end(self) -> int:
        """End it, and return its exit code; 0 where there is none."""
        if self.process is None:
            return 0
        process, self.process = self.process, None
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
        process.stdout.close()
        return process.wait()


@pytest.fixture(scope="session")
def keras_oracle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Oracle]:
    """Return `ask(script, **arrays)`: what Keras 3 (torch backend) says, from a process of its own.

    The script sees `keras`, `np`, `torch` and the arrays by name, and puts arrays into the dict `result`.
    """
    if importlib.util.find_spec("keras") is None:  # not imported here: its default backend may be missing
        pytest.skip("Keras is the reference; it is a development dependency")
    keras = KerasProcess(tmp_path_factory.mktemp("keras"))

    def ask(script: str, **arrays: np.ndarray) -> dict[str, np.ndarray]:
        folder = tmp_path_factory.mktemp("question")
        np.savez(folder / "in.npz", **arrays)
        (folder / "script.py").write_text(script, encoding="utf-8")
        keras.answer(folder)
        with np.load(folder / "out.npz") as answer:
            return dict(answer)

    yield ask
    keras.end()
