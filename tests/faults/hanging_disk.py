"""The file system of `lab/disk` below the data of an etcd member. Its fsync can hang, as on a broken disk."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from testkit.disk_program import NAME, PROGRAM, install_program, mount_directory
from testkit.wait import eventually
from tests.faults.ha import HaCluster

DATA = "/var/lib/etcd"
ASIDE = "/var/lib/etcd-aside"
SWITCH = f"/run/{NAME}"
"""The disk hangs while this file exists."""
MOUNT = f"""
set -eu
@install@
systemctl stop etcd.service
cp -a {DATA} {ASIDE}
{mount_directory(ASIDE, DATA, SWITCH)}
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
PROBE = f"{DATA}/probe"
START_PROBE = f"""
rm -f {PROBE}
dd if=/dev/zero of={PROBE} bs=1 count=1 conv=fsync >/dev/null 2>&1 &
echo $!
"""
"""Write a byte to a file and call fsync in a process that goes on after the script. Print its id."""
PROBE_SECONDS = 1
"""Seconds after which a process that has not ended hangs."""


@dataclass(frozen=True, slots=True)
class HangingDisk:
    """The disk of an etcd member."""

    cluster: HaCluster
    host: str

    @contextmanager
    def hangs(self) -> Iterator[float]:
        """Make every fsync on the disk hang until the block ends. Yield the wall-clock time in seconds.

        Assert that an fsync returns before the block, does not return until the end of the block, and returns
        after the block.
        """
        self._wait_until_returned(self._start_fsync(), "before the disk hangs")
        output = self.cluster.ssh(self.host, f"date +%s.%N; : >{SWITCH}").stdout
        try:
            process = self._start_fsync()
            time.sleep(PROBE_SECONDS)
            self._assert_hangs(process)
            yield float(output)
            self._assert_hangs(process)
        finally:
            self.cluster.ssh(self.host, f"rm {SWITCH}")
        self._wait_until_returned(process, "after the disk goes on")

    def _start_fsync(self) -> str:
        return self.cluster.ssh(self.host, START_PROBE).stdout.strip()

    def _assert_hangs(self, process: str) -> None:
        """Assert that a process has written its file and has not ended, so that its fsync hangs."""
        script = f"stat -c %s {PROBE}; cat /proc/{process}/comm"
        found = self.cluster.ssh(self.host, script, check=False).stdout.split()
        assert found == ["1", "dd"], f"fsync on the disk of {self.host} does not hang: {found}"

    def _wait_until_returned(self, process: str, when: str) -> None:
        eventually(
            f"fsync returns {when}",
            lambda: self.cluster.ssh(self.host, f"test ! -e /proc/{process}", check=False).code == 0,
            timeout=10,
        )
        self.cluster.ssh(self.host, f"rm {PROBE}")


@contextmanager
def hanging_disk(cluster: HaCluster, host: str) -> Iterator[HangingDisk]:
    """Move the data of an etcd member to a disk that can hang until the block ends."""
    cluster.ssh(host, MOUNT.replace("@install@", install_program()), timeout=120)
    cluster.wait_healthy()
    try:
        yield HangingDisk(cluster, host)
    finally:
        cluster.ssh(host, UNMOUNT, timeout=120)
