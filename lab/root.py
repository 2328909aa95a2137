"""The Debian root that all hosts share, built once from the machine's own package sources."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from enum import StrEnum
from pathlib import Path

from artifacts import directories
from lab.commands import run
from lab.errors import LabError
from lab.locks import locked

PACKAGES = ("systemd", "systemd-sysv", "dbus", "openssh-server")
"""All that a host has beyond a minimal Debian: as bare as a rented machine, apt included."""

MASKED = (
    "console-getty.service",
    "container-getty@.service",
    "getty.target",
    "systemd-timesyncd.service",
    "systemd-resolved.service",
    "systemd-networkd.service",
    "systemd-modules-load.service",
    "systemd-firstboot.service",
    "ldconfig.service",
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "fstrim.timer",
    "ssh.socket",
)
"""Units that have nothing to do in a container: terminals, clock, modules, network, package timers."""

CGROUPS_UNIT = """\
[Unit]
Description=Make the host's control groups writable, as they are on a machine of its own
DefaultDependencies=no
Before=sysinit.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c 'for m in /sys/fs/cgroup/*/; do ! mountpoint -q $m || mount -o remount,rw,bind $m; done'

[Install]
WantedBy=sysinit.target
"""

SSHD = """\
HostKey /etc/ssh/ssh_host_ed25519_key
PermitRootLogin prohibit-password
PasswordAuthentication no
UsePAM no
UseDNS no
MaxStartups 200
MaxSessions 100
"""

FILES = {
    "/etc/systemd/system/kubewright-lab-cgroups.service": CGROUPS_UNIT,
    "/etc/ssh/sshd_config.d/kubewright-lab.conf": SSHD,
    # The kernel's log is the machine's, with everybody's messages in it.
    "/etc/systemd/journald.conf.d/kubewright-lab.conf": "[Journal]\nReadKMsg=no\nStorage=persistent\n",
    "/etc/systemd/system.conf.d/kubewright-lab.conf": "[Manager]\nDefaultTimeoutStopSec=20s\n",
    "/etc/apt/sources.list": "",
}

LINKS = {
    "/etc/systemd/system/sysinit.target.wants/kubewright-lab-cgroups.service": (
        "/etc/systemd/system/kubewright-lab-cgroups.service"
    ),
    "/etc/systemd/system/default.target": "/lib/systemd/system/multi-user.target",
    **{f"/etc/systemd/system/{unit}": "/dev/null" for unit in MASKED},
}

REMOVED = ("/etc/machine-id", "/etc/hostname", "/etc/resolv.conf", "/etc/apt/apt.conf.d/99mmdebstrap")
"""What belongs to one host alone, or to the machine that built the root."""


class Kind(StrEnum):
    """What kind of machine a root is of: a rented one, or one made from Debian's image in a cloud."""

    RENTED = "rented"
    CLOUD = "cloud"


CLOUD_PACKAGES = (
    "ca-certificates",
    "cloud-guest-utils",
    "cloud-init",
    "curl",
    "e2fsprogs",
    "fdisk",
    "iproute2",
    "iputils-ping",
    "kmod",
    "procps",
    "python3",
    "socat",
    "sudo",
    "util-linux-extra",
    "vim-tiny",
    "wget",
)
"""What Debian's cloud images have beyond the plain root, as far as anything here could use it."""

# The seed is the only source: none of the others may look for its link-local address. The network is
# there before the host boots; locales and package sources belong to the root.
CLOUD_INIT = """\
datasource_list: [NoCloud]
datasource: {NoCloud: {fs_label: null}}
network: {config: disabled}
locale: false
manage_etc_hosts: false
apt: {preserve_sources_list: true}
disable_root: false
ssh_deletekeys: false
ssh_genkeytypes: [ed25519]
"""

CLOUD_FILES = {"/etc/cloud/cloud.cfg.d/99-kubewright-lab.cfg": CLOUD_INIT}

OPTIONS = (
    "--variant=minbase",
    '--aptopt=Apt::Install-Recommends "false"',
    "--dpkgopt=path-exclude=/usr/share/doc/*",
    "--dpkgopt=path-exclude=/usr/share/man/*",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
)


def recipe(suite: str, kind: Kind = Kind.RENTED) -> str:
    """Digest of everything that the root is made of: the key of its cache."""
    parts: list[object] = [suite, list(_options(kind)), _files(kind), LINKS, list(REMOVED)]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def ensure(kind: Kind = Kind.RENTED) -> Path:
    """The directory of the root, built when it is not in the cache (about 30 s, once).

    Raises LabError when packages cannot be had.
    """
    suite = _suite()
    home = directories.cache() / "lab"
    finished = home / f"root-{recipe(suite, kind)}"
    if finished.is_dir():
        return finished
    home.mkdir(parents=True, exist_ok=True)
    with locked("root", timeout=900):
        if not finished.is_dir():
            _build(suite, finished, kind)
    return finished


def customise(root: Path, kind: Kind = Kind.RENTED) -> None:
    """Turn a plain Debian root into the hosts' root."""
    for name in REMOVED:
        (root / name[1:]).unlink(missing_ok=True)
    for key in (root / "etc/ssh").glob("ssh_host_*"):
        key.unlink()
    shutil.rmtree(root / "etc/apt/sources.list.d", ignore_errors=True)
    for name, content in _files(kind).items():
        path = root / name[1:]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    for name, target in LINKS.items():
        path = root / name[1:]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.symlink_to(target)
    # Empty means: not the first boot, so no unit asks questions; every host brings its own id.
    (root / "etc/machine-id").touch()


def _options(kind: Kind) -> tuple[str, ...]:
    packages = PACKAGES + (CLOUD_PACKAGES if kind is Kind.CLOUD else ())
    return (OPTIONS[0], f"--include={','.join(packages)}", *OPTIONS[1:])


def _files(kind: Kind) -> dict[str, str]:
    return FILES | (CLOUD_FILES if kind is Kind.CLOUD else {})


def _build(suite: str, finished: Path, kind: Kind) -> None:
    with tempfile.TemporaryDirectory(dir=finished.parent, prefix="root-building-") as scratch:
        options = Path(scratch, "apt.conf")
        options.write_text(_apt_options())
        root = Path(scratch, "root")
        run(
            ["mmdebstrap", "--quiet", *_options(kind), f"--aptopt={options}", suite, str(root), *_sources()],
            what="the hosts' Debian root cannot be built; check this machine's apt sources",
            timeout=900,
        )
        customise(root, kind)
        root.rename(finished)


def _suite() -> str:
    """The machine's own Debian release: its package sources serve the hosts too."""
    for line in Path("/etc/os-release").read_text().splitlines():
        if line.startswith("VERSION_CODENAME="):
            return line.partition("=")[2].strip('"')
    raise LabError("/etc/os-release names no VERSION_CODENAME; the lab needs a machine with Debian or alike")


def _sources() -> list[str]:
    home = Path("/etc/apt")
    found = [home / "sources.list", *sorted(home.glob("sources.list.d/*.list"))]
    found += sorted(home.glob("sources.list.d/*.sources"))
    used = [str(path) for path in found if path.is_file() and path.read_text().strip()]
    if not used:
        raise LabError("/etc/apt has no package sources; the lab builds its hosts from the machine's own")
    return used


def _apt_options() -> str:
    """How this machine reaches its package sources (proxy, authority, date checks)."""
    dump = run(["apt-config", "dump"], what="reading apt's settings")
    return "".join(f"{line}\n" for line in dump.splitlines() if line.startswith("Acquire::"))
