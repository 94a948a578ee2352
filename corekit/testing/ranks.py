"""A pair of processes with torch's gloo between them, started once and shared by all layers that are checked."""

from __future__ import annotations

import atexit
import contextlib
import pickle
import select
import subprocess
import sys
import tempfile
import time
from typing import Any

from corekit.testing.rank import WAIT

_kept: list[Pair] = []


def ask(request: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what each rank answers; a pair that does not answer is ended, and the next question starts another.

    Raises:
        TimeoutError: one of them hangs.
        ConnectionError: one of them ended.
    """
    if not _kept:
        _kept.append(Pair())
        atexit.register(end)
    try:
        replies = _kept[0].ask(request)
    except BaseException:
        end()
        raise
    if any("error" in reply for reply in replies):
        end()  # one may be in the middle of something that the other has left
    return replies


def end() -> None:
    """End the pair, where there is one."""
    while _kept:
        _kept.pop().end()


class Pair:
    """Two processes that run `rank`."""

    def __init__(self) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="corekit-ranks-")
        script = f"import sys; sys.path[:] = {sys.path!r}; from corekit.testing.rank import main; main(RANK, FOLDER)"
        self.processes = [
            subprocess.Popen(
                [sys.executable, "-c", script.replace("RANK", str(rank)).replace("FOLDER", repr(self.folder.name))],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            )
            for rank in (0, 1)
        ]  # fmt: skip

    def ask(self, request: dict[str, Any]) -> list[dict[str, Any]]:
        """Return what each rank answers."""
        asked = pickle.dumps(request)
        for process in self.processes:
            assert process.stdin is not None
            process.stdin.write(asked)
            process.stdin.flush()
        limit = time.monotonic() + 2 * WAIT
        return [self._read(process, limit) for process in self.processes]

    def end(self) -> None:
        """End both."""
        for process in self.processes:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with contextlib.suppress(BrokenPipeError):
                        pipe.close()
        self.folder.cleanup()

    def _read(self, process: subprocess.Popen[bytes], limit: float) -> dict[str, Any]:
        assert process.stdout is not None
        ready, _, _ = select.select([process.stdout], [], [], max(0.0, limit - time.monotonic()))
        if not ready:
            raise TimeoutError(f"no answer from a rank in {2 * WAIT:g} s")
        try:
            reply: dict[str, Any] = pickle.load(process.stdout)
        except EOFError as error:
            raise ConnectionError("a rank ended") from error
        return reply
