"""Where corekit keeps what it may lose: the user's cache folder, or the one that `COREKIT_CACHE` names.

Why not platformdirs: importing it was most of what the first look-up of a plugin took.
"""

from __future__ import annotations

import contextlib
import os
import sys


def folder(part: str) -> str:
    """Return the folder for one kind of file; it need not exist yet.

    Example:
        >>> folder("steps").endswith("steps")
        True
    """
    return os.path.join(os.environ.get("COREKIT_CACHE") or os.path.join(_home(), "corekit"), part)


def _home() -> str:
    """Return the folder in which programs keep such things, as each system has it."""
    if sys.platform == "win32":
        return os.environ.get("LOCALAPPDATA") or os.path.expanduser(r"~\AppData\Local")
    if sys.platform == "darwin":
        return os.path.expanduser("~/Library/Caches")
    named = os.environ.get("XDG_CACHE_HOME", "")
    return named if os.path.isabs(named) else os.path.expanduser("~/.cache")


def replace(path: str, content: str) -> None:
    """Write a file whole or not at all, also with several processes; where that cannot be, leave it.

    What cannot be kept is computed again, so a read-only home or a full disk is no error.
    """
    import threading  # most programs only read

    part = f"{path}.{os.getpid()}-{threading.get_ident()}.part"  # importing tempfile would be a quarter of a first scan
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(part, "w", encoding="utf-8", opener=_for_this_user) as file:
            file.write(content)
        os.replace(part, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(part)


def _for_this_user(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
