"""Two processes that talk by gloo, as torch's own data parallel training has them."""

from __future__ import annotations

import io
import multiprocessing
import os
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist

from corekit.testing.kit import Failure, Skip

RANKS = 2
_LIMIT_S = 60


def on_two_ranks(work: Callable[[int], Any]) -> list[Any]:
    """Call `work(rank)` in two processes between which gloo is up; return what each gave: tensors, lists, dicts.

    The processes are forks of this one, so that they know classes that no file holds, and start in a tenth of a second.

    Raises:
        Skip: this system cannot fork, or this torch has no gloo.
        Failure: a process raised, or did not end; with its traceback.
    """
    if not (hasattr(os, "fork") and dist.is_available() and dist.is_gloo_available()):
        raise Skip("two processes need fork and gloo, and this system or this torch lacks one of them")

    context = multiprocessing.get_context("fork")
    with ExitStack() as stack:
        meeting = os.path.join(stack.enter_context(tempfile.TemporaryDirectory()), "meet")
        pipes = [context.Pipe(duplex=False) for _ in range(RANKS)]
        ranks = [context.Process(target=_run, args=(work, rank, meeting, pipe[1])) for rank, pipe in enumerate(pipes)]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside threads: each takes one thread
            for process in ranks:
                process.start()
        try:
            return _values([_answer(rank, pipe[0]) for rank, pipe in enumerate(pipes)])
        finally:
            for process in ranks:
                process.join(1)
                if process.is_alive():
                    process.kill()
                    process.join()


def _answer(rank: int, pipe: Any) -> Any:
    if not pipe.poll(_LIMIT_S):
        raise Failure(f"rank {rank} of {RANKS} gave no answer in {_LIMIT_S} s: the other one ended, or they wait.")
    try:
        found = torch.load(io.BytesIO(pipe.recv_bytes()), weights_only=True)
    except EOFError:
        raise Failure(f"rank {rank} of {RANKS} ended without an answer.") from None
    return found


def _values(answers: list[Any]) -> list[Any]:
    """Return what the ranks gave, or raise what went wrong first: the other rank then only loses its partner."""
    wrong = [(found["at"], rank, found) for rank, found in enumerate(answers) if "error" in found]
    if wrong:
        _, rank, found = min(wrong)
        raise Failure(f"rank {rank} of {RANKS} raised {found['error']}\n{found['story']}")
    return [found["value"] for found in answers]


def _run(work: Callable[[int], Any], rank: int, meeting: str, pipe: Any) -> None:
    torch.set_num_threads(1)  # the threads of a fork's parent are not there
    if sys.platform == "linux":
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    try:
        dist.init_process_group(
            "gloo", init_method=f"file://{meeting}", rank=rank, world_size=RANKS, timeout=timedelta(seconds=_LIMIT_S)
        )
        found: dict[str, Any] = {"value": work(rank)}
        dist.barrier()
    except BaseException as error:
        found = {"error": f"{type(error).__name__}: {error}", "story": traceback.format_exc(), "at": time.monotonic()}
    buffer = io.BytesIO()
    torch.save(found, buffer)
    pipe.send_bytes(buffer.getvalue())
    os._exit(0)
