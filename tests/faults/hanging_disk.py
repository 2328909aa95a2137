"""The file system of `lab/disk` below the data of an etcd member. Its fsync can hang, as on a broken disk."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from artifacts.cache import Cache
from testkit.go_programs import build_program
from tests.faults.ha import HaCluster

SOURCE = Path(__file__).resolve().parents[2] / "lab" / "disk"
NAME = "hanging-disk"
DATA = "/var/lib/etcd"
ASIDE = "/var/lib/etcd-aside"
PROGRAM = f"/opt/{NAME}"
SWITCH = f"/run/{NAME}"
"""The disk hangs while this file exists."""
MOUNT = f"""
set -eu
base64 -d >{PROGRAM} <<'END'
@program@
END
chmod 700 {PROGRAM}
[ -e /dev/fuse ] || mknod -m 666 /dev/fuse c 10 229
systemctl stop etcd.service
cp -a {DATA} {ASIDE}
systemd-run --quiet --collect --unit={NAME} {PROGRAM} -hang {SWITCH} {ASIDE} {DATA}
for _ in 1 2 3 4 5 6 7 8 9 10; do
    ! mountpoint -q {DATA} || break
    sleep 0.5
done
mountpoint -q {DATA}
systemctl start etcd.service
"""
UNMOUNT = f"""
set -eu
rm -f {SWITCH}
systemctl stop etcd.service
umount {DATA}
find {DATA} -mindepth 1 -delete
cp -a {ASIDE}/. {DATA}/
rm -rf {ASIDE} {PROGRAM}
systemctl start etcd.service
"""


@dataclass(frozen=True, slots=True)
class HangingDisk:
    """The disk of an etcd member."""

    cluster: HaCluster
    host: str

    @contextmanager
    def hangs(self) -> Iterator[float]:
        """Make every fsync on the disk hang until the block ends. Yield the wall-clock time in seconds."""
        output = self.cluster.ssh(self.host, f"date +%s.%N; : >{SWITCH}").stdout
        try:
            yield float(output)
        finally:
            self.cluster.ssh(self.host, f"rm {SWITCH}")


@contextmanager
def hanging_disk(cluster: HaCluster, host: str) -> Iterator[HangingDisk]:
    """Move the data of an etcd member to a disk that can hang until the block ends."""
    program = build_program(SOURCE, NAME, Cache.default())
    encoded = base64.b64encode(program.read_bytes()).decode()
    cluster.ssh(host, MOUNT.replace("@program@", encoded), timeout=120)
    cluster.wait_healthy()
    try:
        yield HangingDisk(cluster, host)
    finally:
        cluster.ssh(host, UNMOUNT, timeout=120)
