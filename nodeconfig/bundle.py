"""The bundle, which says what a host must become: plain data, the same on every provider.

Previews show a bundle's plain parts as text. Secret parts are only named: the delivery adds their contents
(`nodeconfig.render.payload`).
"""

from __future__ import annotations

from dataclasses import dataclass

from topology.model import Role, Rotation


@dataclass(frozen=True, slots=True)
class File:
    """A plain file. `content` ends with a newline."""

    path: str
    content: str
    mode: int = 0o644
    owner: str = "root:root"


@dataclass(frozen=True, slots=True)
class SecretFile:
    """A file whose content is the delivery's secret with the name in `secret`, e.g. `apiserver-cp-1.key`."""

    path: str
    secret: str
    mode: int = 0o600
    owner: str = "root:root"


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file that hosts fetch by URL, verify by `sha256` (hex) and store by digest.

    `member` empty: the file itself is installed at `path` (mode 0755). `member` "*": the file is a tar
    archive, unpacked into the directory `path`. Any other `member`: only that member of the archive is
    installed.
    """

    name: str
    url: str
    sha256: str
    path: str
    member: str = ""


@dataclass(frozen=True, slots=True)
class Program:
    """The URL of the host program and its `sha256` in hex."""

    url: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Service:
    """A systemd unit that must run.

    The host program restarts it when its unit file or a file in `restart_on` (paths of files, secret files or
    artifacts of this bundle or of an earlier one on the host) changed. The section [Unit] and comments in sh
    programs do not count (`fingerprint` in service.sh). `ready` is one line of sh that succeeds when the
    service is healthy; the host program polls it for at most `timeout` seconds. With `reload`, files in
    `restart_on` cause `systemctl reload` instead of a restart.
    """

    unit: str
    restart_on: tuple[str, ...] = ()
    ready: str = "true"
    timeout: int = 60
    reload: bool = False


@dataclass(frozen=True, slots=True)
class Bundle:
    """Everything that one role needs on a host.

    `program` installs it. `ca` is the PEM that verifies downloads ("": the system's authorities). With
    `drain`, a change of a path in `drain_on` drains the node first and uncordons it afterwards; changes of
    other paths restart services under running pods. `rotations` are the generations of authorities that were
    rotated and whose certificates the bundle has: a host refuses a bundle that skips a stage.
    """

    role: Role
    program: Program
    files: tuple[File, ...]
    secrets: tuple[SecretFile, ...]
    artifacts: tuple[Artifact, ...]
    services: tuple[Service, ...]
    directories: tuple[File, ...] = ()
    modules: tuple[str, ...] = ()
    ca: str = ""
    drain: bool = False
    drain_on: tuple[str, ...] = ()
    drain_seconds: int = 300
    versions: tuple[tuple[str, str], ...] = ()
    """The components whose version steps the host checks, with their versions in the bundle."""
    rotations: tuple[tuple[str, Rotation], ...] = ()


@dataclass(frozen=True, slots=True)
class Identity:
    """Name and address of a host, which units read as NODE_NAME and NODE_IP from /etc/kubewright/host.env.

    `provider_id` is the cloud's id of the machine (PROVIDER_ID in the file), empty on bare metal. Each value
    may be a variable of the script's environment, e.g. `$BOOT_NAME`.
    """

    name: str
    address: str
    provider_id: str = ""


AT_BOOT = Identity("$BOOT_NAME", "$BOOT_ADDRESS", "$BOOT_ID")
"""The identity of a node whose name and address are known only when it boots."""
