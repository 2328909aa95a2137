"""An NFS server for tests: a virtual machine of a lab with the server of Debian's kernel.

The kernel of this machine has no NFS server, and hosts of the lab have no package sources. So the packages of
the server are unpacked into the files of the host before its first boot, without installation.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from artifacts import debian
from lab import host_files
from testkit.cluster import Cluster

PACKAGES = ("nfs-kernel-server",)
EXPORT = "/srv/data"
"""The exported directory. All users can write to it."""

# Without a short grace period, clients wait 90 s for their first lock.
CONFIG = "[nfsd]\nvers3=n\ngrace-time=10\nlease-time=10\n"


def start(cluster: Cluster, name: str, address: str) -> None:
    """Boot a virtual machine that exports `EXPORT` to the network of the lab, outside of the stack."""
    network = cluster.config["kubewright:lab"]["network"]
    upper = cluster.lab / "hosts" / name / "upper"
    _unpack(upper)
    host_files.write_file(upper / "etc/nfs.conf", CONFIG)
    host_files.write_file(upper / "etc/exports", f"{EXPORT} {network}(rw,no_subtree_check)\n")
    for record in ("etab", "rmtab"):
        host_files.write_file(upper / "var/lib/nfs" / record, "")
    cluster.boot_empty_host(name, address, virtual=True)
    cluster.ssh(name, f"mkdir -p -m 0777 {EXPORT} && systemctl start nfs-server.service", timeout=120)


def _unpack(upper: Path) -> None:
    """Unpack the packages into the files of a host, whose /bin, /sbin and /lib are links to /usr."""
    with tempfile.TemporaryDirectory() as scratch:
        root = debian.unpack(PACKAGES, Path(scratch), dependencies=True)
        for name in ("bin", "sbin", "lib", "lib64"):
            if (root / name).is_dir():
                shutil.copytree(root / name, root / "usr" / name, symlinks=True, dirs_exist_ok=True)
                shutil.rmtree(root / name)
        shutil.copytree(root, upper, symlinks=True, dirs_exist_ok=True)
