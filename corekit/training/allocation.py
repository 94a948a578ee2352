"""Memory that a step frees stays at hand for the next one, while a training runs on the CPU.

glibc gives large blocks back to the kernel as soon as they are free, and the next step gets them anew, page by page:
a million page faults in 25 steps of a small convolutional net, a fifth of its time. What is free at the end is given
back then. Other C libraries, and the variables by which glibc's users tune it, are left alone.
"""

from __future__ import annotations

import ctypes
import functools
import os
import sys
from types import TracebackType
from typing import Any

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # glibc's M_TRIM_THRESHOLD and M_MMAP_THRESHOLD
TUNED_BY_USER = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TOP_PAD_", "GLIBC_TUNABLES")


class KeptMemory:
    """A context in which freed memory stays with the process.

    Example:
        >>> with KeptMemory():
        ...     pass
    """

    def __enter__(self) -> None:
        self._libc = _glibc()
        if self._libc is not None:
            self._libc.mallopt(TRIM_THRESHOLD, 2**31 - 1)
            self._libc.mallopt(MMAP_THRESHOLD, 2**30)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._libc is not None:
            self._libc.malloc_trim(0)


@functools.cache
def _glibc() -> Any:
    """Return glibc, or None where there is another C library, or the user has tuned it."""
    if sys.platform != "linux" or any(name in os.environ for name in TUNED_BY_USER):
        return None
    libc = ctypes.CDLL(None)
    return libc if hasattr(libc, "mallopt") and hasattr(libc, "malloc_trim") else None
