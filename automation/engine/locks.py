"""Removes stack locks that a killed engine left behind.

The file backend of the engine locks a stack with a JSON file that names the process that holds the lock.
After that process has ended, the next run removes the file. Locks of running processes and of other machines
remain.
"""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass
from pathlib import Path

from automation.errors import UserError


class StackInUse(UserError):
    """Error for a stack that another process uses.

    The text contains the user and host of the process if the backend records them.
    """


@dataclass(frozen=True, slots=True)
class LockHolder:
    """The process that holds the lock of a stack. `since` is the engine's time stamp."""

    pid: int
    user: str
    host: str
    since: str

    @property
    def is_dead(self) -> bool:
        """Whether the process ran on this machine and has ended."""
        return self.host == socket.gethostname() and not _is_running(self.pid)


def _is_running(pid: int) -> bool:
    """Check whether a process runs. A zombie process does not count."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return False
    return state not in ("Z", "X")


def remove_stale_locks(*, root: Path, project: str, stack: str) -> None:
    """Remove the locks of dead processes from a stack of a file backend.

    `root` is the directory of the backend. Raise `StackInUse` with the lock holder when the stack is in
    use.
    """
    for path in (root / ".pulumi/locks/organization" / project / stack).glob("*.json"):
        holder = _read_lock_holder(path)
        if holder is None:
            continue
        if not holder.is_dead:
            raise StackInUse(
                f"stack {stack}: in use by {holder.user}@{holder.host} since {holder.since} (process "
                f"{holder.pid}); wait until it ends, or run `kubewright pulumi --stack {stack} -- cancel`"
            )
        path.unlink(missing_ok=True)
        print(f"stack {stack}: removed the lock of process {holder.pid}, which has ended")


def _read_lock_holder(path: Path) -> LockHolder | None:
    """Return the holder that a lock file names; None for an incomplete file or a file that was just
    removed.
    """
    try:
        lock = json.loads(path.read_text())
        return LockHolder(
            int(lock["pid"]), str(lock["username"]), str(lock["hostname"]), str(lock["timestamp"])
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
