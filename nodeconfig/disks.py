"""Component of the disks of a pool: a program that formats blank disks and mounts all, and its unit [F6].

The unit starts before the kubelet. It does not fail without a disk, because pods that do not use the disk can
run: the volume of a missing disk does not exist, and its pods wait.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from formats import quantity
from nodeconfig.bundle import File, RequiredProgram, Service
from nodeconfig.component import Component
from nodeconfig.host_paths import LIBRARY
from nodeconfig.sources import read_code
from nodeconfig.systemd import oneshot_unit
from topology.model import Pool
from topology.storage import Disk, FileSystem

PROGRAM = f"{LIBRARY}/disks"
"""Path on a host of the sh program that formats and mounts disks."""
CONFIGURATION = "/etc/kubewright/disks"
UNIT = "kubewright-disks.service"
_PROGRAMS: Mapping[FileSystem, tuple[str, str]] = {
    FileSystem.EXT4: ("/usr/sbin/mkfs.ext4", "e2fsprogs"),
    FileSystem.XFS: ("/usr/sbin/mkfs.xfs", "xfsprogs"),
}
"""The program of each file system, and the package that has it."""
_SECONDS_FOR_DISKS = 20


@dataclass(frozen=True, slots=True)
class NodeDisk:
    """A disk of one node: `device` is its path there."""

    disk: Disk
    device: str


def disks_of(pool: Pool, node: str) -> tuple[NodeDisk, ...]:
    """Return the disks of a node of a pool."""
    devices = ((disk, dict(disk.devices).get(node)) for disk in pool.disks)
    return tuple(NodeDisk(disk, device) for disk, device in devices if device)


def component(pool: Pool, disks: Sequence[NodeDisk]) -> Component:
    """Return the disks of a node; empty without disks."""
    if not disks:
        return Component()
    unit = oneshot_unit(
        UNIT,
        "Disks for volumes of pods",
        start=f"{PROGRAM} boot",
        stop=f"{PROGRAM} stop",
        before="kubelet.service",
    )
    lines = [_line(item) for item in disks]
    return Component(
        files=(
            File(PROGRAM, program(), mode=0o700),
            File(CONFIGURATION, "".join(f"{line}\n" for line in lines), mode=0o600),
            unit,
        ),
        services=(
            Service(
                UNIT,
                restart_on=(PROGRAM, CONFIGURATION),
                # The unit succeeds without a disk, and a delivery does not.
                ready=f"{PROGRAM} mount",
                timeout=_SECONDS_FOR_DISKS,
                reload=True,
            ),
        ),
        required_programs=tuple(_required_programs(pool, disks)),
    )


def program() -> str:
    """Return the text of the program."""
    code = read_code("disks.sh")
    head, separator, rest = code.partition("set -eu\n")
    return f"{head}{separator}\n{read_code('blank-disk.sh')}{rest}"


def _line(item: NodeDisk) -> str:
    disk = item.disk
    options = ",".join(("defaults", *disk.mount_options))
    size = quantity.parse_bytes(disk.capacity)
    return f"{disk.name} {item.device} {disk.file_system} {size} {options}"


def _required_programs(pool: Pool, disks: Sequence[NodeDisk]) -> list[RequiredProgram]:
    reason = f"the disks of pools.{pool.name}.disks need it; install"
    kinds = dict.fromkeys(item.disk.file_system for item in disks)
    needed = [_PROGRAMS[kind] for kind in kinds]
    needed += [(f"/usr/sbin/{name}", "util-linux") for name in ("blkid", "wipefs", "blockdev")]
    return [RequiredProgram(path, f"{reason} {package}") for path, package in needed]
