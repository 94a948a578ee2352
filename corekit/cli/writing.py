"""Writes files that people keep: whole or not at all, and not without a word where that cannot be."""

from __future__ import annotations

import contextlib
import os
import stat

from corekit.errors import ArgumentError


def replace(path: str, content: bytes) -> None:
    """Write a file; it keeps its permissions, and where it is a link, what that leads to is written.

    Raises:
        ArgumentError: it cannot be written. What was there is as it was.
    """
    target = os.path.realpath(path)
    part = f"{target}.{os.urandom(4).hex()}.part"
    try:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(part, "xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileNotFoundError):
            os.chmod(part, stat.S_IMODE(os.stat(target).st_mode))
        os.replace(part, target)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(part)
        raise ArgumentError(f"{path} cannot be written: {error.strerror}.  Nothing was changed.") from error
