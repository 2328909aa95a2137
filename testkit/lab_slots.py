"""Names and networks of labs that are unique among all test runs on this machine.

Two test runs at the same time, or two processes of one run, never use the same lab name or network.
"""

from __future__ import annotations

from ipaddress import IPv4Network
from pathlib import Path
from typing import NamedTuple

from filelock import FileLock, Timeout

from lab import network

_LOCKS = Path("/run/kubewright/test-labs")
"""Directory with one lock file for each slot. The owner holds its locks until its process ends."""
_SLOTS = 255
_held: list[FileLock] = []


class LabSlot(NamedTuple):
    """The name of a lab, and its network in CIDR notation."""

    name: str
    network: str


def reserve(prefix: str, state: Path) -> LabSlot:
    """Return a name that starts with `prefix`, and a /24 network that no other lab or route uses.

    The slot is recorded in the state directory, so that a later run with the same kept directory finds its
    lab again. Raise RuntimeError when no slot is free.
    """
    record = state / f"{prefix}.slot"
    if not record.exists():
        record.write_text(str(_reserve_number()))
    number = int(record.read_text())
    return LabSlot(f"{prefix}{number}", _network(number))


def _reserve_number() -> int:
    """Lock the first free slot and return its number."""
    _LOCKS.mkdir(parents=True, exist_ok=True)
    for number in range(_SLOTS):
        lock = FileLock(_LOCKS / str(number))
        try:
            lock.acquire(timeout=0)
        except Timeout:
            continue
        if not network.conflicting_route(IPv4Network(_network(number)), ignored_link=""):
            _held.append(lock)
            return number
        lock.release()
    raise RuntimeError(f"all {_SLOTS} networks for labs of tests are used; {_LOCKS} has their locks")


def _network(number: int) -> str:
    return f"10.72.{number}.0/24"
