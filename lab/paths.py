"""Paths of the state of labs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from artifacts import directories
from lab.errors import LabError

NAME = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?"
"""Names of labs and hosts: DNS labels without dots; names of namespaces join the two with dots."""

NAME_LENGTH = 30
"""Lab and host together name a machine: at most 64 characters."""


def check_name(lab: str) -> None:
    """Raise LabError for an invalid name of a lab: the name becomes part of paths that are removed."""
    if not re.fullmatch(NAME, lab) or len(lab) > NAME_LENGTH:
        raise LabError(
            f"{lab!r} is no name of a lab: use a-z, 0-9 and - between them, at most {NAME_LENGTH} characters"
        )


def labs() -> list[str]:
    """Return the names of the labs with state in this directory, sorted."""
    home = directories.state() / "labs"
    return sorted(path.name for path in home.iterdir() if path.is_dir()) if home.is_dir() else []


@dataclass(frozen=True, slots=True)
class LabPaths:
    """The files of one lab, all removed with the lab."""

    root: Path

    @classmethod
    def of(cls, lab: str) -> LabPaths:
        """Return the files of a lab. Raises LabError for an invalid name."""
        check_name(lab)
        return cls(directories.state() / "labs" / lab)

    @property
    def spec(self) -> Path:
        """The latest spec of the lab."""
        return self.root / "spec.json"

    @property
    def ca(self) -> Path:
        """Certificate of the lab's authority."""
        return self.root / "ca.crt"

    @property
    def ca_key(self) -> Path:
        """Private key of the lab's authority."""
        return self.root / "ca.key"

    @property
    def ssh(self) -> Path:
        """Directory of the user's key, the hosts' keys and known_hosts."""
        return self.root / "ssh"

    @property
    def user_key(self) -> Path:
        """Private key that root on every host accepts."""
        return self.ssh / "id_ed25519"

    @property
    def known_hosts(self) -> Path:
        """Host keys of all hosts."""
        return self.ssh / "known_hosts"

    def host_key(self, host: str) -> Path:
        """Private host key of one host."""
        return self.ssh / "hosts" / host

    @property
    def gateway(self) -> Path:
        """Directory of the gateway's certificate, settings and logs."""
        return self.root / "gateway"

    @property
    def gateway_certificate(self) -> Path:
        """The gateway's certificate, for mirror and registry."""
        return self.gateway / "tls.crt"

    @property
    def gateway_key(self) -> Path:
        """Private key of the gateway's certificate."""
        return self.gateway / "tls.key"

    @property
    def cloud(self) -> Path:
        """Directory of the emulated cloud's state."""
        return self.root / "cloud"

    def host(self, host: str) -> Path:
        """Directory of a host: its overlay, its disk and its console."""
        return self.root / "hosts" / host
