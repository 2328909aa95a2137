"""Search for resources of a lab on the machine that does not use the lab's records."""

from __future__ import annotations

import os
import re
from pathlib import Path

from testkit.cluster import Cluster
from testkit.process import run
from testkit.processes import command_lines


def leftovers(cluster: Cluster) -> list[str]:
    """Return processes, mounts, namespaces, cgroups, links and routes of a cluster's lab that still exist.

    They contain the name of the lab, the path of its state, or an address of its network.
    """
    network = cluster.address("cp-1").rsplit(".", 1)[0]
    pattern = re.compile(rf"\b{cluster.name}\b|{re.escape(str(cluster.lab))}|\b{re.escape(network)}\.\d+\b")
    remains = [f"process {line[:120]}" for line in command_lines() if pattern.search(line)]
    mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    remains += [f"mount {line[:160]}" for line in mounts if pattern.search(line)]
    # Path.rglob fails when a cgroup disappears during the search.
    groups = [path for path, _, _ in os.walk("/sys/fs/cgroup")]
    remains += [f"cgroup {path}" for path in groups if pattern.search(path)]
    for what in ("netns", "link", "address", "route"):
        output = run(["ip", "-o", what, "show"], timeout=10).stdout.splitlines()
        remains += [f"{what} {line[:120]}" for line in output if pattern.search(line)]
    return remains
