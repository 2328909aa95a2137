"""Locks that a killed engine left behind.

The engine's file backend locks a stack by a JSON file that names the process which holds it. When
that process is gone, nobody else will remove the file: the next run does. A lock of a process
that lives, or of another machine, is respected.
"""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass
from pathlib import Path

from automation.errors import UserError


class StackInUse(UserError):
    """Somebody else works on the stack; the text says who, as far as the backend tells."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a stack's lock. `since` is the engine's own time stamp."""

    pid: int
    user: str
    host: str
    since: str

    @property
    def gone(self) -> bool:
        """True when the process was of this machine and no longer lives."""
        return self.host == socket.gethostname() and not _lives(self.pid)


def _lives(pid: int) -> bool:
    """Whether a process runs; one that was killed and that nobody has waited for yet does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return False
    return state not in ("Z", "X")


def remove_stale_locks(*, root: Path, project: str, stack: str) -> None:
    """Removes the locks of dead processes on a stack of a file backend.

    `root` is the backend's directory. Raises `StackInUse` naming the holder when somebody else works
    on the stack.
    """
    for path in (root / ".pulumi/locks/organization" / project / stack).glob("*.json"):
        holder = _read(path)
        if holder is None:
            continue
        if not holder.gone:
            raise StackInUse(
                f"stack {stack}: {holder.user}@{holder.host} works on it since {holder.since} (process "
                f"{holder.pid}); wait until it is done, or `kubewright pulumi --stack {stack} -- cancel`"
            )
        path.unlink(missing_ok=True)
        print(f"stack {stack}: removed the lock of process {holder.pid}, which was killed")


def _read(path: Path) -> Holder | None:
    """The holder a lock file names; None when the file vanished meanwhile or is not whole."""
    try:
        lock = json.loads(path.read_text())
        return Holder(int(lock["pid"]), str(lock["username"]), str(lock["hostname"]), str(lock["timestamp"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
