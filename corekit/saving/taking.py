"""Memory for the tensors of a file, and their bytes in it, several at once: one core is slower than memory."""

from __future__ import annotations

import contextlib
import mmap
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

Memory = bytearray | mmap.mmap | memoryview
Item = TypeVar("Item")
Result = TypeVar("Result")

LARGE = 2**20  # bytes of a tensor from which memory of its own pays
PIECE = 2**20  # bytes that are looked at together; hashed from the cache, 1 GiB took 0.21 s where it took 0.26
AT_ONCE = 4  # threads at most; measured with 2 cores, and more than a few would wait for memory


def memory(size: int) -> Memory:
    """Return memory that can be written to.

    A bytearray is filled with zeros before it is filled with the file; a mapping of its own is not, and its pages may
    be large ones. To read and hash 256 MiB took 0.22 to 0.25 s into bytearrays, and 0.10 to 0.25 into such mappings.
    """
    if size < LARGE or not hasattr(mmap, "MAP_ANONYMOUS"):
        return bytearray(size)
    held = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        with contextlib.suppress(OSError):
            held.madvise(mmap.MADV_HUGEPAGE)
    return held


def mapping(file: Any) -> memoryview:
    """Return the bytes of a file that has some as memory that stays the file's until it is written to."""
    return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))


def fill(held: Memory, file: Any, position: int, seen: Callable[[memoryview], object] | None = None) -> bool:
    """Read a file's bytes from a position on; return whether there were enough. It does not move the file.

    Args:
        held: what they go into, all of it.
        file: open, at a position that does not matter.
        position: of the first.
        seen: called with each piece as soon as it is there, and in the processor's cache.
    """
    with memoryview(held) as view:
        done = 0
        while done < len(view):
            with view[done : done + PIECE] as rest:
                if hasattr(os, "preadv"):
                    count = os.preadv(file.fileno(), [rest], position + done)
                else:
                    file.seek(position + done)
                    count = file.readinto(rest)
                if seen is not None:
                    seen(rest[:count])
            if not count:
                return False
            done += count
    return True


def each(function: Callable[[Item], Result], items: Iterable[Item], size: int) -> list[Result]:
    """Call a function for each item, some at a time where there are many bytes; the first's error is raised."""
    workers, items = min(AT_ONCE, os.cpu_count() or 1), list(items)
    if size < 4 * LARGE or workers == 1 or not hasattr(os, "preadv"):
        return list(map(function, items))
    with ThreadPoolExecutor(min(workers, len(items))) as pool:
        try:
            results: Iterable[Result] = pool.map(function, items)
        except RuntimeError:  # no thread can be started: the interpreter ends, or the system has a limit
            results = map(function, items)
        return list(results)
