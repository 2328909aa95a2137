"""Locks between processes, for example for two commands on one lab or two builds of one cached item.

The library filelock does not delete its lock files. This module deletes them, so that `down` leaves no files
on the machine.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.commands import wait
from lab.errors import LabError

DIRECTORY = Path("/run/lock/kubewright")
"""Directory of the lock files."""


@contextmanager
def hold_lock(name: str, *, timeout: float = 120) -> Iterator[None]:
    """Hold the lock with this name, which is valid on the whole machine, during the block.

    Raise LabError if another command holds the lock for more than `timeout` seconds.
    """
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    path = DIRECTORY / name
    lock_descriptors: list[int] = []

    def try_lock() -> bool:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # The last holder removes the file. A lock on a removed file would not exclude other processes.
            if os.stat(path).st_ino == os.fstat(descriptor).st_ino:
                lock_descriptors.append(descriptor)
                return True
        except (BlockingIOError, FileNotFoundError):
            pass
        os.close(descriptor)
        return False

    if not wait(try_lock, timeout=timeout, pause=0.05):
        raise LabError(
            f"{name}: another command has used it for over {timeout:g} s; wait for that command or end it"
        )
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(lock_descriptors[0])
