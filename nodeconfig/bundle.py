"""What a host must become, as plain data: the same on every provider.

A bundle has plain parts, which are visible in previews as text, and secret parts, which it only
names: their contents are joined to it at delivery (`nodeconfig.render.payload`).
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
    """A file whose content is the delivery's secret of that name, e.g. `apiserver-cp-1.key`."""

    path: str
    secret: str
    mode: int = 0o600
    owner: str = "root:root"


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file fetched by URL, checked by `sha256` (hex) and kept by digest on the host.

    `member` empty: the file itself is installed at `path` (mode 0755). `member` "*": the file is
    a tar archive unpacked whole into the directory `path`; any other: that member alone is.
    """

    name: str
    url: str
    sha256: str
    path: str
    member: str = ""


@dataclass(frozen=True, slots=True)
class Program:
    """Where hosts fetch the host program, and what it must be: `sha256` in hex."""

    url: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Service:
    """A systemd unit that must run.

    It is restarted when its unit file or a file in `restart_on` (paths of files, secret files or
    artifacts of this bundle or of an earlier one on the host) changed. `ready` is one line of sh
    that succeeds when the service is healthy; it is polled for at most `timeout` seconds.
    `reload` true: `systemctl reload` instead of a restart when only `restart_on` files changed.
    """

    unit: str
    restart_on: tuple[str, ...] = ()
    ready: str = "true"
    timeout: int = 60
    reload: bool = False


@dataclass(frozen=True, slots=True)
class Bundle:
    """Everything one role needs on a host.

    `program` carries it out; `ca` is the PEM that verifies downloads ("" : the system's authorities).
    `drain` true: on a change that restarts the node's services the host is drained before and
    uncordoned after (a worker's link), as long as it is a node of the cluster. `drain_on` are the
    paths whose change needs that; a change of others restarts services under running pods.
    `rotations` are the authorities whose certificates it has, as far as they were ever rotated: a host
    refuses one whose stages do not follow one another.
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
    """Components whose version steps the host guards, with the versions that the bundle brings."""
    rotations: tuple[tuple[str, Rotation], ...] = ()


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a host is: written to /etc/kubewright/host.env as NODE_NAME and NODE_IP for the units.

    `provider_id` is what a cloud calls the machine (PROVIDER_ID there), empty on bare metal. Each may be
    a variable of the environment that the script runs in, `$BOOT_NAME`.
    """

    name: str
    address: str
    provider_id: str = ""


AT_BOOT = Identity("$BOOT_NAME", "$BOOT_ADDRESS", "$BOOT_ID")
"""The identity of a node that only learns at boot who it is."""
