"""Where corekit keeps what it may lose: the user's cache folder, or the one that `COREKIT_CACHE` names."""

from __future__ import annotations

import contextlib
import os
import tempfile


def folder(part: str) -> str:
    """Return the folder for one kind of file; it need not exist yet.

    Example:
        >>> folder("steps").endswith("steps")
        True
    """
    named = os.environ.get("COREKIT_CACHE")
    if not named:
        import platformdirs

        named = platformdirs.user_cache_dir("corekit", appauthor=False)
    return os.path.join(named, part)


def replace(path: str, content: str) -> None:
    """Write a file whole or not at all, also with several processes; where that cannot be, leave it.

    What cannot be kept is computed again, so a read-only home or a full disk is no error.
    """
    part = ""
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with tempfile.NamedTemporaryFile(
            "w", dir=os.path.dirname(path), suffix=".part", delete=False, encoding="utf-8"
        ) as file:
            part = file.name
            file.write(content)
        os.replace(part, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(part)
