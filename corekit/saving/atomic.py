"""Writes a file in one go: a reader finds the old one or the new one, whole, whatever happens in between."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from corekit.errors import SaveError

try:
    import fcntl
except ImportError:  # Windows: who holds a file open has it locked anyway
    fcntl = None  # type: ignore[assignment]  # a module that is not there


@contextlib.contextmanager
def replacing(path: Path, *, part: Callable[[], Path] | None = None) -> Iterator[Any]:
    """Give a temporary file beside `path`, and put it in its place once every byte is on the disk.

    The file keeps its permissions; where `path` is a link, what it leads to is written. What processes that were killed
    left of the same file is removed: a temporary file is locked while somebody writes it.

    Args:
        path: of the file.
        part: where to put it instead, of a part of the file, in the same folder; asked when all is written, since a
            part is called after what is in it. It has the file's permissions, what is left of it is removed with the
            file's, and a link in its place is replaced.

    Raises:
        SaveError: the disk refused. What was there before is untouched, unless the message says otherwise.
    """
    owner = Path(os.path.realpath(path))
    temporary = owner.with_name(f"{_prefix(owner)}{os.urandom(8).hex()}.tmp")
    try:
        with _locked(temporary) as file:
            _sweep(owner, temporary)
            _give_back(owner)
            yield file
            file.flush()
            os.fsync(file.fileno())
            with contextlib.suppress(FileNotFoundError):
                os.chmod(temporary, stat.S_IMODE(os.stat(owner).st_mode))
            target = owner if part is None else part()
            if fcntl is not None:  # while it is locked; elsewhere an open file cannot be renamed
                os.replace(temporary, target)
        if fcntl is None:
            os.replace(temporary, target)
        if part is not None:  # the file that it belongs to may not come before it
            _sync_folder(target)
    except OSError as error:
        _remove(temporary)
        raise SaveError(
            f"{path} could not be written: {error.strerror or error}. What was there before is untouched."
        ) from error
    except BaseException:
        _remove(temporary)
        raise
    if part is not None:
        return
    try:
        _sync_folder(owner)
    except OSError as error:
        raise SaveError(
            f"{path} was written, but its folder could not be synced to the disk ({error.strerror or error}): after a "
            "power cut the old file may be back."
        ) from error


def _give_back(path: Path) -> None:
    """Let the system use the memory in which it keeps a file that is about to be replaced: the new one needs as much.

    Where it had to find other memory, a save of 1 GiB over another took 1.9 s instead of 1.1 (a virtual machine). The
    file itself stays as it is, and so does what a process has mapped of it.
    """
    if not hasattr(os, "posix_fadvise"):
        return
    with contextlib.suppress(OSError):  # there is none, or it may not be read
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(descriptor)


def _prefix(target: Path) -> str:
    return f".{target.name[:200]}."


def _locked(temporary: Path) -> Any:
    """Make a file, and lock it before somebody else can take it for one that nobody writes any more."""
    while True:
        file = open(temporary, "xb")  # noqa: SIM115 - the caller closes it
        if fcntl is not None:
            with contextlib.suppress(OSError):  # a file system without locks
                fcntl.flock(file.fileno(), fcntl.LOCK_EX)
        if temporary.exists():
            return file
        file.close()


def _is_abandoned(descriptor: int) -> bool:
    if fcntl is None:
        return True  # removing it fails where it is open
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # locked, or a file system without locks
        return False
    return True


def is_written(target: Path) -> bool:
    """Return whether somebody writes a file, or a part of it; in doubt, as without locks, that somebody does.

    What nobody writes any more is removed.
    """
    return _sweep(target)


def _sweep(target: Path, own: Path | None = None) -> bool:
    """Remove the temporary files of the same target that nobody writes any more; return whether others are left."""
    left = False
    try:
        for name in os.listdir(target.parent):
            found = target.with_name(name)
            if name.startswith(_prefix(target)) and name.endswith(".tmp") and found != own:
                with contextlib.suppress(OSError), open(found, "rb") as file:
                    if _is_abandoned(file.fileno()):
                        found.unlink()
                left = left or found.exists()
    except OSError:
        return True
    return left


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()


def _sync_folder(path: Path) -> None:
    """Make the new name of a file as durable as its bytes, where the system knows such a thing."""
    if os.name != "posix":
        return
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
