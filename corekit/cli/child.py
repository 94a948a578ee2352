"""A child process with a time limit. Nothing of it runs on when the limit has passed or the command is interrupted."""

from __future__ import annotations

import contextlib
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import IO, NamedTuple


class Ended(NamedTuple):
    """How a child ended: its exit code (on Unix minus the signal that ended it), and what it wrote on stdout."""

    code: int
    output: str


def run(
    command: str | Sequence[str],
    *,
    timeout: float | None = None,
    input: str = "",
    env: Mapping[str, str] | None = None,
    keep_output: bool = False,
    output: IO[bytes] | None = None,
    meanwhile: Callable[[], None] | None = None,
    ends_all: bool = False,
) -> Ended | None:
    """Run a command, and return how it ended; None where the limit passed first.

    Args:
        command: its words; a single string is for the shell.
        timeout: the limit in seconds. What it started itself is ended with it.
        input: what it can read on stdin.
        env: its environment; default this process's.
        keep_output: whether to return what it writes on stdout. stderr is thrown away always.
        output: a file for what it writes on stdout; unlike a pipe, it keeps nobody waiting for what the child started.
        meanwhile: called some times a second as long as it runs, and once more at its end.
        ends_all: whether what it started and left running is ended too when it ends by itself.

    Example:
        >>> import sys
        >>> run([sys.executable, "-c", "print(2)"], keep_output=True)
        Ended(code=0, output='2\\n')
    """
    with subprocess.Popen(
        command,
        shell=isinstance(command, str),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE if keep_output else output or subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=env,
        text=True,
        start_new_session=True,  # its process group can be ended without this process
    ) as process:
        try:
            written = _communicate(process, input, timeout, meanwhile)
        except subprocess.TimeoutExpired:
            _kill(process)
            return None
        except BaseException:  # Ctrl-C does not reach another session
            _kill(process)
            raise
    if ends_all and sys.platform != "win32":
        with contextlib.suppress(ProcessLookupError):  # nothing of its group is left
            os.killpg(process.pid, signal.SIGKILL)
    return Ended(process.returncode, written or "")


def _communicate(
    process: subprocess.Popen[str], input: str, timeout: float | None, meanwhile: Callable[[], None] | None
) -> str:
    if meanwhile is None:
        return process.communicate(input, timeout)[0]
    limit = math.inf if timeout is None else time.monotonic() + timeout
    to_send: str | None = input  # it is taken once
    while True:
        try:
            written: str = process.communicate(to_send, 0.1)[0]
        except subprocess.TimeoutExpired:
            meanwhile()
            to_send = None
            if time.monotonic() > limit:
                raise
        else:
            meanwhile()
            return written


def _kill(process: subprocess.Popen[str]) -> None:
    if sys.platform == "win32":
        process.kill()
    else:
        os.killpg(process.pid, signal.SIGKILL)
