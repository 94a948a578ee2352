"""Writes files that people keep: whole or not at all, and not without a word where that cannot be."""

from __future__ import annotations

from pathlib import Path

from corekit.errors import ArgumentError, SaveError


def replace(path: str, content: bytes) -> None:
    """Write a file; it keeps its permissions, and where it is a link, what that leads to is written.

    Raises:
        ArgumentError: it cannot be written. What was there is as it was.
    """
    from corekit.saving.atomic import replacing  # few commands write

    try:
        Path(path).resolve().parent.mkdir(parents=True, exist_ok=True)
        with replacing(Path(path)) as file:
            file.write(content)
    except OSError as error:
        raise ArgumentError(f"{path} cannot be written: {error.strerror}.  Nothing was changed.") from error
    except SaveError as error:
        raise ArgumentError(str(error)) from error
