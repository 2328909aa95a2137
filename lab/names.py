"""Names of a lab in /etc/hosts of the machine, so that kubectl and the engine find its endpoint."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address
from pathlib import Path

from lab.errors import LabError
from lab.locks import hold_lock

HOSTS = Path("/etc/hosts")


def ensure(lab: str, names: Mapping[str, IPv4Address]) -> None:
    """Replace the lines of a lab. Raise LabError if the file cannot be written."""
    lines = [f"{address} {name} {_mark(lab)}" for name, address in sorted(names.items())]
    with hold_lock("machine"):
        text = HOSTS.read_text()
        others = [line for line in text.splitlines() if not line.endswith(_mark(lab))]
        changed = "".join(f"{line}\n" for line in [*others, *lines])
        if changed == text or (not lines and len(others) == len(text.splitlines())):
            return
        try:
            # The file can be a mount of a container, which cannot be replaced.
            HOSTS.write_text(changed)
        except OSError as error:
            raise LabError(f"{HOSTS}: cannot be written ({error.strerror}); make it writable") from error


def remove(lab: str) -> None:
    """Remove the lines of a lab. Raise LabError if the file cannot be written."""
    ensure(lab, {})


def _mark(lab: str) -> str:
    return f"# kubewright lab {lab}"
