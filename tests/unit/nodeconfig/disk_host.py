"""Emulates the disks of a host in a directory: devices are files, and mounts are symbolic links.

The tools that read and format devices are the real ones.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

from nodeconfig.disks import CONFIGURATION, UNIT, program
from topology.storage import DISKS

BY_ID = "/dev/disk/by-id"
SIZE = 16 << 20
"""The bytes of a disk."""

_TOOLS = {
    "blockdev": 'exec stat -c %s "$2"\n',
    "mountpoint": '[ -L "$2" ]\n',
    "mount": """
echo "mount $*" >>"$FAKE/log"
shift 4
content=$FAKE/content/${1##*/}
mkdir -p "$content"
rmdir "$2"
ln -s "$content" "$2"
echo "1 1 7:$(stat -c %i "$1") / $2 rw" >>"$KUBEWRIGHT_ROOT/proc/self/mountinfo"
""",
    "umount": """
echo "umount $*" >>"$FAKE/log"
rm "$1"
mkdir "$1"
grep -v " $1 " "$KUBEWRIGHT_ROOT/proc/self/mountinfo" >"$FAKE/mounts" || :
cp "$FAKE/mounts" "$KUBEWRIGHT_ROOT/proc/self/mountinfo"
""",
    "mkfs.ext4": 'echo "mkfs.ext4 $*" >>"$FAKE/log"\nexec /usr/sbin/mkfs.ext4 "$@"\n',
    "mkfs.xfs": 'echo "mkfs.xfs $*" >>"$FAKE/log"\n',
    "sleep": 'echo sleep >>"$FAKE/log"\n',
    "sync": "",
}


class DiskHost:
    """A host with disks below `directory`."""

    def __init__(self, directory: Path) -> None:
        self.root, self.fake = directory / "root", directory / "fake"
        for path in (self.root / "etc/kubewright", self.root / "proc/self", self.root / BY_ID[1:], self.fake):
            path.mkdir(parents=True)
        for name in ("proc/self/mountinfo", "proc/swaps"):
            (self.root / name).write_text("")
        for name, text in _TOOLS.items():
            (self.fake / name).write_text(f"#!/bin/sh\n{text}")
            (self.fake / name).chmod(0o755)
        self.program = self.fake / "disks"
        self.program.write_text(program())

    def connect(self, name: str, content: bytes = b"") -> Path:
        """Connect a disk, which begins with `content`, by the id `name`. Return its device."""
        device = self.root / "dev" / name
        device.write_bytes(content)
        os.truncate(device, max(SIZE, len(content)))
        system = self.root / f"sys/class/block/{name}"
        system.mkdir(parents=True, exist_ok=True)
        (system / "dev").write_text(f"7:{device.stat().st_ino}\n")
        link = self.root / BY_ID[1:] / name
        link.unlink(missing_ok=True)
        link.symlink_to(device)
        return device

    def configure(self, *disks: str, capacity: int = SIZE, file_system: str = "ext4") -> None:
        """Write the file with these disks, as `NAME=ID`."""
        pairs = [disk.split("=") for disk in disks]
        lines = [
            f"{name} {BY_ID}/{device} {file_system} {capacity} defaults,noatime\n" for name, device in pairs
        ]
        (self.root / CONFIGURATION[1:]).write_text("".join(lines))

    def enable_unit(self) -> None:
        """Enable the unit, as on a host that has the bundle."""
        wants = self.root / "etc/systemd/system/multi-user.target.wants"
        wants.mkdir(parents=True)
        (wants / UNIT).touch()

    def run(self, command: str = "mount") -> subprocess.CompletedProcess[str]:
        """Run the program."""
        environment = {
            "PATH": f"{self.fake}:/usr/sbin:/usr/bin:/sbin:/bin",
            "KUBEWRIGHT_ROOT": str(self.root),
            "FAKE": str(self.fake),
        }
        argv = ["sh", str(self.program), command]
        return subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=60, check=False)

    def calls(self) -> list[str]:
        """Return the first words of the calls of tools since the last time."""
        log = self.fake / "log"
        lines = log.read_text().splitlines() if log.exists() else []
        log.write_text("")
        return [line.split()[0] for line in lines]

    def path(self, name: str) -> Path:
        """Return the directory where a disk is mounted."""
        return self.root / DISKS[1:] / name


def digest(device: Path) -> str:
    """Return the digest of all bytes of a device."""
    return hashlib.sha256(device.read_bytes()).hexdigest()
