"""Batches fetched while the step before runs: by a thread on the CPU, by a copy beside the computation on CUDA.

Random numbers are the one thing that a thread could spoil: torch has one generator for the data and for dropout, and
whoever is first would draw first. So a source that draws from torch's generator is read in turn, not ahead.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor

from corekit.protocols.tree import map_tree

DEPTH = 2  # batches that may wait: one to take, one being made
WATCHED = 2  # batches that are read in turn first, to see whether they draw; a sampler draws its seed at the first


def fetched_ahead(batches: Iterable[Any]) -> Iterator[Any]:
    """Yield the same batches, each made in a thread while the one before is used.

    What the source raises comes out here, in its turn. Bound the source (`itertools.islice`) to what will be used:
    nothing more is taken from it.

    Example:
        >>> list(fetched_ahead(range(5)))
        [0, 1, 2, 3, 4]
    """
    source = iter(batches)
    draws = False
    for _ in range(WATCHED):
        before = torch.get_rng_state()
        try:
            batch = next(source)
        except StopIteration:
            return
        draws = not torch.equal(before, torch.get_rng_state())
        yield batch
    yield from source if draws else _from_thread(source)


def _from_thread(source: Iterator[Any]) -> Iterator[Any]:
    made: queue.Queue[tuple[Any, BaseException | None]] = queue.Queue(DEPTH - 1)
    is_over = threading.Event()

    def make() -> None:
        try:
            for batch in source:
                while not is_over.is_set():
                    try:
                        made.put((batch, None), timeout=0.1)
                        break
                    except queue.Full:
                        continue
                if is_over.is_set():
                    return
            made.put((None, StopIteration()))
        except BaseException as error:  # it is raised again, where it belongs
            made.put((None, error))

    thread = threading.Thread(target=make, name="corekit-batches", daemon=True)
    thread.start()
    try:
        while True:
            batch, error = made.get()
            if isinstance(error, StopIteration):
                return
            if error is not None:
                raise error
            yield batch
    finally:
        is_over.set()


class Carrier:
    """Moves batches to a CUDA device on a stream of its own, so that copying and computing overlap.

    Args:
        device: where they are needed.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]  # torch has no types here

    def __call__(self, batch: Any) -> Any:
        """Return the batch on the device; the current stream waits for it, the host does not."""
        with torch.cuda.stream(self._stream):
            moved = map_tree(self._send, batch)
        now = torch.cuda.current_stream(self._device)
        now.wait_stream(self._stream)
        map_tree(lambda value: value.record_stream(now) if isinstance(value, Tensor) else None, moved)
        return moved

    def _send(self, value: Any) -> Any:
        if not isinstance(value, Tensor) or value.device == self._device:
            return value
        pinned = value if value.is_pinned() else value.pin_memory()  # from pageable memory the host would wait
        return pinned.to(self._device, non_blocking=True)
