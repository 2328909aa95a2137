"""Measurement of a command's costs: elapsed time, processor time and memory."""

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
    """The cost of a command: seconds of elapsed time and processor time, GiB of memory (peak of all
    processes together).
    """

    seconds: float
    processor: float
    memory: float


def machine_description() -> str:
    """Describe the machine that runs the benchmark."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores, {memory:.0f} GiB, Linux {platform.release()}"


@contextmanager
def measure_cost() -> Iterator[list[Cost]]:
    """Measure the cost of the code in the block. The yielded list contains the result after the block."""
    costs: list[Cost] = []
    peak, finished = [0.0], threading.Event()

    def sample_memory() -> None:
        while not finished.wait(0.2):
            peak[0] = max(peak[0], _memory_gib(os.getpid()))

    memory_before, begin, processor_before = _memory_gib(os.getpid()), time.monotonic(), _processor_seconds()
    sampler = threading.Thread(target=sample_memory)
    sampler.start()
    try:
        yield costs
    finally:
        seconds = time.monotonic() - begin
        finished.set()
        sampler.join()
        # Subtract the benchmark's process, which is not part of the command.
        memory = max(0.0, peak[0] - memory_before)
        costs.append(Cost(seconds, _processor_seconds() - processor_before, memory))


def _processor_seconds() -> float:
    """Return the processor seconds of finished commands and their descendants so far."""
    times = os.times()
    return times.children_user + times.children_system


def _memory_gib(root: int) -> float:
    """Return the GiB that a process and its descendants use. Shared memory is divided among its users."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, IndexError):
                continue
            parents.setdefault(parent, []).append(int(entry.name))
    total, pending_pids = 0, [root]
    while pending_pids:
        pid = pending_pids.pop()
        pending_pids += parents.get(pid, [])
        total += _proportional_kib(pid)
    return total / 2**20


def _proportional_kib(pid: int) -> int:
    """Return the KiB that a process uses, including its share of shared memory."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
