"""Workers that are virtual machines with Debian's kernel: they join, and do what needs modules of a kernel
[P1].
"""

from __future__ import annotations

from pathlib import Path

from testkit.cluster import Cluster
from testkit.conformance import run_specs
from tests.vm.nodes import READY_SECONDS, UP_SECONDS, WORKERS


def test_workers_have_a_kernel_of_their_own(cluster: Cluster) -> None:
    kernels = {
        node["metadata"]["name"]: node["status"]["nodeInfo"]["kernelVersion"]
        for node in cluster.items("nodes")
    }
    for worker in WORKERS:
        assert "cloud-amd64" in kernels[worker], kernels
        assert kernels[worker] != kernels["cp-1"], kernels
        cgroups = cluster.ssh(worker, "stat --file-system --format=%T /sys/fs/cgroup").text
        assert cgroups.strip() == "cgroup2fs"


def test_second_up_changes_nothing(cluster: Cluster) -> None:
    assert not cluster.previewed_operations()


def test_privileged_pod_creates_a_network_device(cluster: Cluster, tmp_path: Path) -> None:
    """The spec of the suite `node` that fails on kernels without CONFIG_DUMMY (docs/conformance.md)."""
    states = run_specs(cluster, tmp_path, "--focus", "PrivilegedPod", seconds=UP_SECONDS)
    assert list(states.values()) == ["passed"], states


def test_worker_is_ready_after_a_power_failure(cluster: Cluster) -> None:
    cluster.stop_host(WORKERS[0])
    cluster.start_host(WORKERS[0])
    cluster.wait_all_ready(READY_SECONDS)
