"""A save that is cut off at any moment loses nothing, and leaves nothing behind after the next one.

KILLS=1000 kills that many at random moments; the default is fewer.
"""

import errno
import os
import random
import signal
import time
from pathlib import Path

import pytest

from corekit.errors import SaveError
from corekit.saving import atomic
from corekit.saving.atomic import replacing

OLD, NEW = b"old" * 50_000, b"new" * 70_000
KILLS = int(os.environ.get("KILLS", "100"))
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked processes")


def save(path: Path, content: bytes = NEW) -> None:
    with replacing(path) as file:
        for start in range(0, len(content), 10_000):
            file.write(content[start : start + 10_000])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "m.bin").write_bytes(OLD)
    return tmp_path / "m.bin"


def in_child(work) -> int:
    """Do something in a forked process, which ends with it; return its id."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    return child


def judge(path: Path) -> None:
    """The file is the old one or the new one, and the next save leaves it alone in its folder."""
    assert path.read_bytes() in (OLD, NEW)
    save(path, OLD)
    assert [one.name for one in path.parent.iterdir()] == [path.name]


class DyingFile:
    """A file that ends the process at its nth write, flush or seek, which flushes, too."""

    def __init__(self, file, event):
        self._file, self._event = file, event

    def write(self, content):
        self._event()
        return self._file.write(content)

    def flush(self):
        self._event()
        return self._file.flush()

    def seek(self, position):
        self._event()
        return self._file.seek(position)

    def fileno(self):
        return self._file.fileno()

    def close(self):
        self._file.close()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._file.close()


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def interrupted(work, count: int, act) -> None:
    """Save, and do `act` at the step number `count`: before each write, flush, fsync, chmod, rename, removal."""
    left = [count]

    def event():
        left[0] -= 1
        if left[0] == 0:
            act()

    patch = pytest.MonkeyPatch()
    real = open
    patch.setattr(
        atomic, "open", lambda *args: DyingFile(real(*args), event) if "x" in args[1] else real(*args), raising=False
    )
    for name in ("fsync", "chmod", "replace", "listdir", "unlink"):
        call = getattr(os, name)
        patch.setattr(os, name, lambda *args, call=call, **how: (event(), call(*args, **how))[1])
    try:
        work()
    finally:
        patch.undo()
    if left[0] > 0:
        raise StopIteration  # there is no such step


def outcome(work, count: int, act) -> str | None:
    """Return the message of an interrupted save, "" where it did not matter, None where there is no such step."""
    try:
        interrupted(work, count, act)
    except SaveError as error:
        return str(error)
    except StopIteration:
        return None
    return ""


@needs_fork
def test_process_killed_at_any_step_loses_nothing(path: Path) -> None:
    steps = 0
    for count in range(1, 100):
        child = in_child(lambda count=count: interrupted(lambda: save(path), count, die))
        _, status = os.waitpid(child, 0)
        judge(path)
        steps += os.WIFSIGNALED(status)

    assert steps > 20  # writes, flush, fsync, chmod, rename, fsync of the folder


@needs_fork
@pytest.mark.slow
def test_process_killed_at_random_moments_loses_nothing(path: Path) -> None:
    chance, killed = random.Random(0), 0
    for _ in range(KILLS):
        child = in_child(lambda: [save(path) for _ in range(1000)])
        time.sleep(chance.uniform(0, 0.02))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        killed += os.WIFSIGNALED(status)
        judge(path)

    assert killed == KILLS


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
def test_disk_that_refuses_at_any_step_loses_nothing(path: Path, code: int) -> None:
    def refuse():
        raise OSError(code, os.strerror(code))

    refused = 0
    for count in range(1, 100):
        told = outcome(lambda: save(path), count, refuse)
        if told is None:
            break
        assert told == "" or os.strerror(code) in told
        refused += told != ""
        assert path.read_bytes() in (OLD, NEW)
        assert [one.name for one in path.parent.iterdir()] == [path.name]
        path.write_bytes(OLD)

    assert refused > 20


def test_file_that_somebody_writes_is_left_alone(path: Path) -> None:
    with replacing(path) as file:
        file.write(NEW)
        save(path, OLD * 2)
        assert path.read_bytes() == OLD * 2

    assert path.read_bytes() == NEW
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_part_of_a_file_has_its_mode_and_its_sweeping(path: Path) -> None:
    path.chmod(0o640)
    left = path.with_name(f".{path.name}.0123456789abcdef.tmp")
    left.write_bytes(b"of a save that was killed")
    part = path.with_name("part.bin")

    with replacing(path, part=lambda: part) as file:
        file.write(NEW)
        assert atomic.is_written(path)

    assert not left.exists()
    assert not atomic.is_written(path)
    assert part.stat().st_mode & 0o777 == 0o640


def test_part_replaces_a_link_in_its_place(path: Path) -> None:
    part = path.with_name("part.bin")
    part.symlink_to(path.name)

    with replacing(path, part=lambda: part) as file:
        file.write(NEW)

    assert not part.is_symlink()
    assert path.read_bytes() == OLD


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes in folders")
def test_pipe_that_nobody_writes_to_is_replaced_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    save(tmp_path / "pipe")

    assert (tmp_path / "pipe").read_bytes() == NEW


def test_link_leads_to_the_new_content(path: Path) -> None:
    link = path.with_name("link.bin")
    link.symlink_to(path.name)

    save(link)

    assert link.is_symlink()
    assert path.read_bytes() == NEW


def test_file_keeps_its_mode(path: Path) -> None:
    path.chmod(0o640)

    save(path)

    assert path.stat().st_mode & 0o777 == 0o640


def test_name_as_long_as_may_be_is_saved(tmp_path: Path) -> None:
    path = tmp_path / ("m" * 240 + ".bin")

    save(path)

    assert path.read_bytes() == NEW
