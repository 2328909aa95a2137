"""Search for resources that a lab left on this machine. The search does not use the records of the lab."""

from __future__ import annotations

import os
import re
from pathlib import Path

from testkit.cluster import Cluster
from testkit.process import run
from testkit.processes import command_lines


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
