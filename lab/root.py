"""The Debian root file system that all hosts share, built once from the package sources of the machine."""

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
from lab.locks import hold_lock

PACKAGES = ("systemd", "systemd-sysv", "dbus", "openssh-server")
"""Debian packages of a host in addition to a minimal system: as few as on a new bare-metal machine."""

MASKED_UNITS = (
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
"""systemd units that are masked, because they have no use in a container."""

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

SSHD_CONFIG = """\
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
    "/etc/ssh/sshd_config.d/kubewright-lab.conf": SSHD_CONFIG,
    # The kernel log belongs to the machine and contains messages of all hosts.
    "/etc/systemd/journald.conf.d/kubewright-lab.conf": "[Journal]\nReadKMsg=no\nStorage=persistent\n",
    "/etc/systemd/system.conf.d/kubewright-lab.conf": "[Manager]\nDefaultTimeoutStopSec=20s\n",
    "/etc/apt/sources.list": "",
}

SYSTEM_UNITS = "/etc/systemd/system"
LINKS = {
    "/etc/systemd/system/sysinit.target.wants/kubewright-lab-cgroups.service": (
        "/etc/systemd/system/kubewright-lab-cgroups.service"
    ),
    "/etc/systemd/system/default.target": "/lib/systemd/system/multi-user.target",
    **{f"{SYSTEM_UNITS}/{unit}": "/dev/null" for unit in MASKED_UNITS},
}

REMOVED_FILES = ("/etc/machine-id", "/etc/hostname", "/etc/resolv.conf", "/etc/apt/apt.conf.d/99mmdebstrap")
"""Files that are removed, because they belong to one host or to the machine that built the root file system.
"""


class MachineKind(StrEnum):
    """The kind of machine that a root file system is for: bare metal in a container, a machine with a cloud's
    Debian image in a container, or a virtual machine.
    """

    BARE_METAL = "bare-metal"
    CLOUD = "cloud"
    VIRTUAL = "virtual"


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
"""Packages of the Debian cloud images in addition to `PACKAGES`, as far as this project uses them."""

# The seed is the only data source, so that no other source contacts its link-local address. The network
# exists before the host boots. Locales and package sources belong to the root file system.
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

VIRTUAL_PACKAGES = ("kmod", "linux-image-cloud-amd64", "udev")
"""Packages of virtual machines in addition to `PACKAGES`: a kernel, and what loads its modules."""

VIRTUAL_UNITS = ("systemd-modules-load.service", "systemd-networkd.service")
"""Units of `MASKED_UNITS` that virtual machines need."""

CLOUD_FILES = {"/etc/cloud/cloud.cfg.d/99-kubewright-lab.cfg": CLOUD_INIT}

MMDEBSTRAP_OPTIONS = (
    "--variant=minbase",
    '--aptopt=Apt::Install-Recommends "false"',
    "--dpkgopt=path-exclude=/usr/share/doc/*",
    "--dpkgopt=path-exclude=/usr/share/man/*",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
)


def cache_key(suite: str, kind: MachineKind = MachineKind.BARE_METAL) -> str:
    """Return the key of a root file system in the cache: a digest of the Debian release and all build
    inputs.
    """
    files, links = _root_files(kind), _root_links(kind)
    parts: list[object] = [suite, list(_build_options(kind)), files, links, list(REMOVED_FILES)]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def ensure(kind: MachineKind = MachineKind.BARE_METAL) -> Path:
    """Return the directory of the root file system. Build the file system if it is not cached (about 30 s).

    Raise LabError if a package source or a package is unavailable.
    """
    suite = _debian_release()
    home = directories.cache() / "lab"
    root_directory = home / f"root-{cache_key(suite, kind)}"
    if root_directory.is_dir():
        return root_directory
    home.mkdir(parents=True, exist_ok=True)
    with hold_lock("root", timeout=900):
        if not root_directory.is_dir():
            _build_root(suite, root_directory, kind)
    return root_directory


def customize(root: Path, kind: MachineKind = MachineKind.BARE_METAL) -> None:
    """Add and remove files in a new Debian root file system, as hosts of this kind need them."""
    for name in REMOVED_FILES:
        (root / name[1:]).unlink(missing_ok=True)
    for key in (root / "etc/ssh").glob("ssh_host_*"):
        key.unlink()
    shutil.rmtree(root / "etc/apt/sources.list.d", ignore_errors=True)
    for name, content in _root_files(kind).items():
        path = root / name[1:]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    for name, target in _root_links(kind).items():
        path = root / name[1:]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.symlink_to(target)
    # An empty file means that this is not the first boot, so no unit asks questions. Every host has a
    # different id.
    (root / "etc/machine-id").touch()


def _build_options(kind: MachineKind) -> tuple[str, ...]:
    more = {MachineKind.CLOUD: CLOUD_PACKAGES, MachineKind.VIRTUAL: VIRTUAL_PACKAGES}
    packages = PACKAGES + more.get(kind, ())
    return (MMDEBSTRAP_OPTIONS[0], f"--include={','.join(packages)}", *MMDEBSTRAP_OPTIONS[1:])


def _root_files(kind: MachineKind) -> dict[str, str]:
    return FILES | (CLOUD_FILES if kind is MachineKind.CLOUD else {})


def _root_links(kind: MachineKind) -> dict[str, str]:
    if kind is not MachineKind.VIRTUAL:
        return LINKS
    masked = {f"{SYSTEM_UNITS}/{unit}" for unit in VIRTUAL_UNITS}
    return {name: target for name, target in LINKS.items() if name not in masked} | {
        f"{SYSTEM_UNITS}/e2scrub_reap.service": "/dev/null",
        f"{SYSTEM_UNITS}/multi-user.target.wants/systemd-networkd.service": (
            "/lib/systemd/system/systemd-networkd.service"
        ),
    }


def _build_root(suite: str, root_directory: Path, kind: MachineKind) -> None:
    with tempfile.TemporaryDirectory(dir=root_directory.parent, prefix="root-building-") as scratch:
        options = Path(scratch, "apt.conf")
        options.write_text(_apt_options())
        root = Path(scratch, "root")
        run(
            [
                "mmdebstrap",
                "--quiet",
                *_build_options(kind),
                f"--aptopt={options}",
                suite,
                str(root),
                *_package_sources(),
            ],
            what="the hosts' Debian root cannot be built; check this machine's apt sources",
            timeout=900,
        )
        customize(root, kind)
        root.rename(root_directory)


def _debian_release() -> str:
    """Return the code name of the machine's Debian release. Hosts have this release, from the same
    sources.
    """
    for line in Path("/etc/os-release").read_text().splitlines():
        if line.startswith("VERSION_CODENAME="):
            return line.partition("=")[2].strip('"')
    raise LabError("/etc/os-release names no VERSION_CODENAME; the lab needs a machine with Debian or alike")


def _package_sources() -> list[str]:
    """Return the paths of the files with the apt sources of the machine. Raise LabError if all are empty."""
    home = Path("/etc/apt")
    files = [home / "sources.list", *sorted(home.glob("sources.list.d/*.list"))]
    files += sorted(home.glob("sources.list.d/*.sources"))
    used = [str(path) for path in files if path.is_file() and path.read_text().strip()]
    if not used:
        raise LabError("/etc/apt has no package sources; the lab builds its hosts from the machine's own")
    return used


def _apt_options() -> str:
    """Return the machine's apt options for downloads (proxy, CA, date checks) as lines of an apt.conf."""
    dump = run(["apt-config", "dump"], what="reading apt's settings")
    return "".join(f"{line}\n" for line in dump.splitlines() if line.startswith("Acquire::"))
