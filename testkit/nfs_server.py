"""An NFS server for tests: a virtual machine of a lab with the server of Debian's kernel.

The kernel of this machine has no NFS server, and hosts of the lab have no package sources. So the programs of
Debian's package and their libraries are files of the host before its first boot, without installation.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from artifacts import debian
from lab import host_files
from testkit.cluster import Cluster
from testkit.stackfile import LAB

EXPORT = "/srv/data"
"""The exported directory. All users can write to it."""

_PACKAGES = ("nfs-kernel-server",)
_PROGRAMS = ("exportfs", "rpc.mountd", "rpc.nfsd")
# Without a short grace period, clients wait 90 s for their first lock.
_SERVE = f"""\
set -e
mkdir -p -m 0777 {EXPORT}
modprobe nfsd
mount -t nfsd nfsd /proc/fs/nfsd
echo 10 >/proc/fs/nfsd/nfsv4leasetime
echo 10 >/proc/fs/nfsd/nfsv4gracetime
exportfs -r
rpc.mountd --no-nfs-version 3
rpc.nfsd --no-nfs-version 3 4
"""


def start(cluster: Cluster, name: str, address: str) -> None:
    """Boot a virtual machine that exports `EXPORT` to the network of the lab, outside of the stack."""
    upper = cluster.lab / "hosts" / name / "upper"
    with tempfile.TemporaryDirectory() as scratch:
        root = debian.unpack(_PACKAGES, Path(scratch), dependencies=True)
        programs = [
            next(path for path in root.rglob(program) if "sbin" in path.parts) for program in _PROGRAMS
        ]
        for directory, files in (("usr/sbin", programs), ("usr/lib", _libraries(root, programs))):
            (upper / directory).mkdir(parents=True, exist_ok=True)
            for file in files:
                shutil.copy(file, upper / directory)
    host_files.write_file(
        upper / "etc/exports", f"{EXPORT} {cluster.config[LAB]['network']}(rw,no_subtree_check)\n"
    )
    host_files.write_file(upper / "etc/services", "nfs 2049/tcp\nnfs 2049/udp\n")
    for record in ("etab", "rmtab"):
        host_files.write_file(upper / "var/lib/nfs" / record, "")
    cluster.boot_empty_host(name, address, virtual=True)
    cluster.ssh(name, _SERVE, timeout=120)


def _libraries(root: Path, programs: list[Path]) -> Iterator[Path]:
    """Yield the shared libraries of programs, from the Debian packages in `root`."""
    directories = sorted({str(path.parent) for path in root.rglob("lib*.so*")})
    loader = str(next(root.rglob("ld-linux-x86-64.so.2")))
    for program in programs:
        command = [loader, "--inhibit-cache", "--library-path", ":".join(directories), "--list", str(program)]
        shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        assert "not found" not in shown, shown
        yield from (Path(path) for path in re.findall(r"=> (\S+) \(", shown))
