"""Helper that takes snapshots of a cluster under test."""

from __future__ import annotations

from pathlib import Path

from testkit.cluster import Cluster


def take_snapshot(cluster: Cluster, directory: Path) -> Path:
    """Take a snapshot of etcd into an empty directory and return its path."""
    cluster.command("snapshot", "--to", str(directory))
    (snapshot,) = (path for path in directory.iterdir() if path.suffix != ".sha256")
    return snapshot
