"""What commands cost: the time on the clock, the time of processors, and memory."""

from __future__ import annotations

import os
import platform
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds on the clock and of processors, and GiB (all processes together, at their peak)."""

    seconds: float
    processor: float
    memory: float


def machine() -> str:
    """Where it was measured."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores, {memory:.0f} GiB, Linux {platform.release()}"


@contextmanager
def watched() -> Iterator[list[Cost]]:
    """Measures what runs inside; the list has the result afterwards."""
    found: list[Cost] = []
    peak, over = [0.0], threading.Event()

    def watch() -> None:
        while not over.wait(0.2):
            peak[0] = max(peak[0], _memory(os.getpid()))

    before, begun, used = _memory(os.getpid()), time.monotonic(), _processor()
    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield found
    finally:
        seconds = time.monotonic() - begun
        over.set()
        watcher.join()
        # Without this process, which is none of the command's.
        found.append(Cost(seconds, _processor() - used, max(0.0, peak[0] - before)))


def _processor() -> float:
    """Seconds of processors that commands have used so far, theirs and their descendants'."""
    times = os.times()
    return times.children_user + times.children_system


def _memory(root: int) -> float:
    """GiB that a process and everything below it use; what several share is divided among them."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, IndexError):
                continue
            parents.setdefault(parent, []).append(int(entry.name))
    total, waiting = 0, [root]
    while waiting:
        pid = waiting.pop()
        waiting += parents.get(pid, [])
        total += _proportional(pid)
    return total / 2**20


def _proportional(pid: int) -> int:
    """KiB."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
