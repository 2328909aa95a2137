"""Component of nodes that mount NFS [H3]: the programs that mount(8) starts, and links to them in /sbin.

The kubelet runs `mount -t nfs`, which starts /sbin/mount.nfs. Distributions do not install this program by
default. The bundle brings it, so that hosts need no package repository and all nodes have the same version.
"""

from __future__ import annotations

from nodeconfig.bundle import File, Service
from nodeconfig.component import Component
from nodeconfig.host_paths import LIBRARY, NFS, SYSTEMD_UNITS
from nodeconfig.systemd import oneshot_unit
from topology.model import Topology

_UNIT = "kubewright-nfs.service"
_LINK = f"{LIBRARY}/nfs-link"
_UNLINK = f"{LIBRARY}/nfs-unlink"
_MODULES = ("nfs", "nfsv4")
_HELPERS = "mount.nfs mount.nfs4 umount.nfs umount.nfs4"


def component(topology: Topology) -> Component:
    """Return the NFS client of a node; empty if the cluster has no NFS volumes."""
    if topology.storage.nfs is None:
        return Component()
    link, unlink = File(_LINK, _link_script(), mode=0o755), File(_UNLINK, _unlink_script(), mode=0o755)
    unit = oneshot_unit(_UNIT, "Programs that mount NFS", start=_LINK, stop=_UNLINK, before="kubelet.service")
    return Component(
        files=(link, unlink, unit),
        artifacts=(("nfs", NFS),),
        services=(Service(_UNIT, restart_on=(_LINK,), reload=True, ready=_LINK),),
        modules=_MODULES,
    )


def _link_script() -> str:
    return f"""#!/bin/sh
# Links the programs that mount NFS to the directory in which mount(8) looks for them. A host that has the
# package of its distribution (nfs-common, nfs-utils) keeps the programs of this package.
set -eu
has_client() {{
    while read -r _ name; do [ "$name" != nfs4 ] || return 0; done </proc/filesystems
    return 1
}}
# In a container the kernel belongs to the machine.
if ! has_client && ! modprobe nfsv4 2>/dev/null && ! systemd-detect-virt --container --quiet; then
    echo "the kernel has no NFS client; install the package with the kernel module nfsv4, such as" \\
        "linux-modules-extra or kernel-modules" >&2
    exit 1
fi
for name in {_HELPERS}; do
    # The link to a program that no longer exists is replaced.
    [ ! -x "/sbin/$name" ] || continue
    ln -sfn "{NFS}/$name" "/sbin/$name" || {{
        echo "/sbin/$name cannot be created; install the NFS client of the distribution" >&2
        exit 1
    }}
done
"""


def _unlink_script() -> str:
    return f"""#!/bin/sh
# Removes the links when the unit is disabled. A unit that only stops keeps them: volumes are still mounted.
set -eu
[ ! -L {SYSTEMD_UNITS}/multi-user.target.wants/{_UNIT} ] || exit 0
for name in {_HELPERS}; do
    [ "$(readlink "/sbin/$name")" != "{NFS}/$name" ] || rm -f "/sbin/$name"
done
"""
