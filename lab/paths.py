"""Paths of the state of labs, and checks of their names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from artifacts import directories
from lab.errors import LabError

NAME = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?"
"""Regular expression for names of labs and hosts: DNS labels without dots, because names of namespaces join
the name of the lab and the name of the host with a dot.
"""

NAME_LENGTH = 30
"""Maximum length of the name of a lab, and of a host. Together they form a machine name of at most 64
characters.
"""


def check_name(lab: str) -> None:
    """Raise LabError for an invalid lab name, because the name becomes part of paths that are removed."""
    if not re.fullmatch(NAME, lab) or len(lab) > NAME_LENGTH:
        raise LabError(
            f"{lab!r} is no name of a lab: use a-z, 0-9 and - between them, at most {NAME_LENGTH} characters"
        )


def labs() -> list[str]:
    """Return the names of the labs that have a directory in the current state directory, sorted."""
    home = directories.state() / "labs"
    return sorted(path.name for path in home.iterdir() if path.is_dir()) if home.is_dir() else []


@dataclass(frozen=True, slots=True)
class LabPaths:
    """The paths of the state files of one lab. The files are removed with the lab."""

    root: Path

    @classmethod
    def of(cls, lab: str) -> LabPaths:
        """Return the paths of a lab. Raise LabError for an invalid name."""
        check_name(lab)
        return cls(directories.state() / "labs" / lab)

    @property
    def spec(self) -> Path:
        """Path of the latest spec of the lab."""
        return self.root / "spec.json"

    @property
    def ca(self) -> Path:
        """Path of the certificate of the lab CA."""
        return self.root / "ca.crt"

    @property
    def ca_key(self) -> Path:
        """Path of the private key of the lab CA."""
        return self.root / "ca.key"

    @property
    def ssh(self) -> Path:
        """Directory of the SSH keys of the user and of the hosts, and of the file known_hosts."""
        return self.root / "ssh"

    @property
    def user_key(self) -> Path:
        """Path of the private key that root on every host accepts."""
        return self.ssh / "id_ed25519"

    @property
    def known_hosts(self) -> Path:
        """Path of the known_hosts file with the SSH host keys of all hosts."""
        return self.ssh / "known_hosts"

    def host_key(self, host: str) -> Path:
        """Return the path of the private SSH host key of a host."""
        return self.ssh / "hosts" / host

    @property
    def gateway(self) -> Path:
        """Directory of the certificate, settings and logs of the gateway."""
        return self.root / "gateway"

    @property
    def gateway_certificate(self) -> Path:
        """Path of the gateway certificate, which the mirror and the registry use."""
        return self.gateway / "tls.crt"

    @property
    def gateway_key(self) -> Path:
        """Path of the private key of the gateway certificate."""
        return self.gateway / "tls.key"

    @property
    def cloud(self) -> Path:
        """Directory of the state of the emulated cloud."""
        return self.root / "cloud"

    def host(self, host: str) -> Path:
        """Return the directory of a host, with its overlay, disk and console log."""
        return self.root / "hosts" / host
