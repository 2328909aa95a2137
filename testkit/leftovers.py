"""Search for what a lab left on this machine, and for what a cluster left on its hosts.

The search does not use the records of the lab.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from testkit.cluster import Cluster
from testkit.process import run
from testkit.processes import command_lines

_PATHS_OF_ROLES = (
    "/etc/kubernetes",
    "/var/lib/etcd/member",
    "/var/lib/kubewright/roles",
    "/usr/local/lib/kubewright",
)
"""Paths that a host has while it has a role."""


def paths_of_roles(cluster: Cluster, host: str) -> list[str]:
    """Return the paths on a host that exist only while the host has a role."""
    script = f"for path in {' '.join(_PATHS_OF_ROLES)}; do [ ! -e $path ] || echo $path; done"
    return cluster.ssh(host, script).stdout.split()


def leftovers(cluster: Cluster) -> list[str]:
    """Return processes, mounts, namespaces, cgroups, links and routes of a cluster's lab that still exist.

    A resource belongs to the lab if its description contains the name of the lab, the path of its state, or
    an address of its network.
    """
    network = cluster.address("cp-1").rsplit(".", 1)[0]
    pattern = re.compile(rf"\b{cluster.name}\b|{re.escape(str(cluster.lab))}|\b{re.escape(network)}\.\d+\b")
    resources = [f"process {line[:120]}" for line in command_lines() if pattern.search(line)]
    mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    resources += [f"mount {line[:160]}" for line in mounts if pattern.search(line)]
    # Path.rglob fails when a cgroup disappears during the search.
    cgroups = [path for path, _, _ in os.walk("/sys/fs/cgroup")]
    resources += [f"cgroup {path}" for path in cgroups if pattern.search(path)]
    for kind in ("netns", "link", "address", "route"):
        output = run(["ip", "-o", kind, "show"], timeout=10).stdout.splitlines()
        resources += [f"{kind} {line[:120]}" for line in output if pattern.search(line)]
    return resources
