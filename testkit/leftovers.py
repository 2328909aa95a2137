"""Find what a lab created on the machine, without the lab's own records."""

from __future__ import annotations

import os
import re
from pathlib import Path

from testkit.cluster import Cluster
from testkit.process import run
from testkit.processes import command_lines


def leftovers(cluster: Cluster) -> list[str]:
    """Return processes, mounts, namespaces, cgroups, links and routes that belong to the lab of a cluster.

    They contain the name of the lab, the path of its state, or an address of its network.
    """
    network = cluster.address("cp-1").rsplit(".", 1)[0]
    ours = re.compile(rf"\b{cluster.name}\b|{re.escape(str(cluster.lab))}|\b{re.escape(network)}\.\d+\b")
    found = [f"process {line[:120]}" for line in command_lines() if ours.search(line)]
    mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    found += [f"mount {line[:160]}" for line in mounts if ours.search(line)]
    # Not rglob: groups disappear during the search.
    groups = [path for path, _, _ in os.walk("/sys/fs/cgroup")]
    found += [f"cgroup {path}" for path in groups if ours.search(path)]
    for what in ("netns", "link", "address", "route"):
        shown = run(["ip", "-o", what, "show"], timeout=10).stdout.splitlines()
        found += [f"{what} {line[:120]}" for line in shown if ours.search(line)]
    return found
