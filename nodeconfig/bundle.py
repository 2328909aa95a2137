"""The bundle: the desired state of a host as plain data, the same on every provider.

Previews show the plain parts of a bundle as text. Secret parts appear only by name: the delivery adds their
contents (`nodeconfig.render.payload`).
"""

from __future__ import annotations

from dataclasses import dataclass

from topology.model import Role
from topology.rotations import Rotation


@dataclass(frozen=True, slots=True)
class File:
    """A file on a host with visible content, which ends with a newline."""

    path: str
    content: str
    mode: int = 0o644
    owner: str = "root:root"


@dataclass(frozen=True, slots=True)
class SecretFile:
    """A file on a host with secret content. `secret` names the content, e.g. `apiserver-cp-1.key`."""

    path: str
    secret: str
    mode: int = 0o600
    owner: str = "root:root"


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file that hosts fetch by URL, verify by `sha256` (hex) and store by digest.

    If `member` is empty, the file itself is installed at `path` (mode 0755). If `member` is "*", the file
    is a tar archive that is unpacked into the directory `path`. With any other `member`, only that member
    of the archive is installed.
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
class RequiredProgram:
    """A program that the image of the host must contain. `reason` says why, and what to do without it."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class RequiredKernel:
    """The earliest version of Linux (`5.11`) on the host. `reason` says why, and what to do with an earlier
    version.
    """

    version: str
    reason: str


@dataclass(frozen=True, slots=True)
class Service:
    """A systemd unit that must run.

    The host program restarts the unit when its unit file or a file in `restart_on` changed. `restart_on` has
    paths of files, secret files or artifacts of this bundle or of an earlier bundle on the host. Changes of
    the section [Unit] and of comments in sh programs cause no restart (`fingerprint` in service.sh). `ready`
    is one line of sh that succeeds when the service is healthy; the host program polls it for at most
    `timeout` seconds. With `reload`, files in `restart_on` cause `systemctl reload` instead of a restart.

    `required_by` is a unit of this host that works only while the service runs. If that unit is active, a
    restart of the service restarts it too, and stops it first. `restart_after` is another service of the
    bundle: a restart waits at most 30 seconds until that service is healthy, and otherwise is omitted.
    """

    unit: str
    restart_on: tuple[str, ...] = ()
    ready: str = "true"
    timeout: int = 60
    reload: bool = False
    required_by: str = ""
    restart_after: str = ""


@dataclass(frozen=True, slots=True)
class Bundle:
    """Everything that one role needs on a host.

    `program` is the host program that installs the bundle. `ca` is the PEM that verifies downloads (empty:
    the CAs of the system). `modules` are kernel modules that the host loads. With `drain`, a change of a path
    in `drain_on` drains the node first and uncordons it afterwards; changes of other paths restart services
    while pods keep running. `rotations` are the generations of rotated CAs whose certificates the bundle
    contains. A host refuses a bundle that skips a stage of a rotation, and a bundle whose `required_programs`
    or `required_kernels` it lacks.
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
    """The components whose version changes the host checks, with their versions in the bundle."""
    rotations: tuple[tuple[str, Rotation], ...] = ()
    labels: tuple[str, ...] = ()
    """Labels `KEY=VALUE` of the Node that only an administrator may set. The host sets them on a new Node."""
    required_programs: tuple[RequiredProgram, ...] = ()
    required_kernels: tuple[RequiredKernel, ...] = ()
    taints: tuple[str, ...] = ()
    """Taints `KEY=VALUE:EFFECT` of the Node, which the host sets together with `labels`."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The name and address of a host, which units read as NODE_NAME and NODE_IP from
    /etc/kubewright/host.env.

    `provider_id` is the cloud's id of the machine (PROVIDER_ID in the file), empty on bare metal. Each
    value may be a variable of the script's environment, e.g. `$BOOT_NAME`.
    """

    name: str
    address: str
    provider_id: str = ""


STORE_SCHEME = "store:"
"""The start of the URLs of files in the cluster's own store: `store:<name>/<version>`. A machine of a cloud
fetches these files by its boot program.
"""
IDENTITY_AT_BOOT = Identity("$BOOT_NAME", "$BOOT_ADDRESS", "$BOOT_ID")
"""The identity of a cloud node whose name, address and provider ID the boot program finds out at boot."""
