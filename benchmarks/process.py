"""Runs one child in a terminal of its own, and watches it: who else used the machine, and what its helpers held."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE_MB = os.sysconf("SC_PAGE_SIZE") / 2**20
LOOK_EVERY = 0.5  # seconds


@dataclass
class Outcome:
    """How a child ended.

    Args:
        code: its exit status.
        told: the end of what it printed.
        seconds: how long it ran.
        others: cores that other processes used meanwhile, or the machine's host took away; None where unknown.
        helpers_mb: the most memory that its own child processes held together.
    """

    code: int
    told: str
    seconds: float
    others: float | None
    helpers_mb: float


def watch(command: list[str], environment: dict[str, str], limit: float) -> Outcome:
    """Run a command to its end, or to `limit` seconds. It sees a terminal, so that progress bars draw as for a user."""
    master, slave = pty.openpty()
    began, busy, own = time.monotonic(), _busy(), time.process_time()
    child = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=True)
    os.close(slave)
    told, helpers_mb, spent, look_at = b"", 0.0, {}, 0.0
    while True:
        told = (told + _drain(master))[-4000:]
        if time.monotonic() >= look_at:
            seen = _family(child.pid)
            spent.update({pid: cpu for pid, (cpu, _) in seen.items()})
            helpers_mb = max(helpers_mb, sum(mb for pid, (_, mb) in seen.items() if pid != child.pid))
            look_at = time.monotonic() + LOOK_EVERY
        pid, status, usage = os.wait4(child.pid, os.WNOHANG)
        if pid:
            break
        if time.monotonic() - began > limit:
            child.kill()
    child.returncode = os.waitstatus_to_exitcode(status)  # wait4 took what Popen would wait for
    seconds = time.monotonic() - began
    told = (told + _drain(master))[-4000:]
    os.close(master)
    others = None
    if busy is not None and (now := _busy()) is not None:
        ours = max(usage.ru_utime + usage.ru_stime, sum(spent.values())) + time.process_time() - own
        others = max(0.0, (now - busy - ours) / seconds)
    return Outcome(child.returncode, told.decode(errors="replace"), seconds, others, helpers_mb)


def _drain(master: int) -> bytes:
    """Return what was printed within a fifth of a second."""
    ready, _, _ = select.select([master], [], [], 0.2)
    if not ready:
        return b""
    try:
        return os.read(master, 65536)
    except OSError:  # the other end is closed
        time.sleep(0.05)
        return b""


def _busy() -> float | None:
    """Return the seconds that all cores together have worked, also for other guests of the same host."""
    source = Path("/proc/stat")
    if not source.exists():
        return None
    user, nice, system, _idle, _wait, irq, soft, steal = (int(n) for n in source.read_text().split()[1:9])
    return (user + nice + system + irq + soft + steal) / _TICKS


def _family(root: int) -> dict[int, tuple[float, float]]:
    """Return (CPU seconds, MB held) of a process and all that descend from it."""
    seen, parents = {}, {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rsplit(")", 1)[1].split()
        except OSError:  # it has ended
            continue
        pid = int(entry.parent.name)
        parents[pid] = int(fields[1])
        seen[pid] = ((int(fields[11]) + int(fields[12])) / _TICKS, int(fields[21]) * _PAGE_MB)

    def descends(pid: int) -> bool:
        while pid and pid != root:
            pid = parents.get(pid, 0)
        return pid == root

    return {pid: figures for pid, figures in seen.items() if descends(pid)}
