"""A worker that is a virtual machine with Debian's kernel: it joins, and does what needs modules of a kernel
[P1].
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from testkit import lab_slots, stackfile
from testkit.cluster import CHECKOUT, Cluster
from testkit.state import removed_at_end

WORKER = "w-1"
_UP_SECONDS = 1800
"""Time of an `up`. The programs of the worker run in an emulated processor."""
_READY_SECONDS = 600
_SUITE_SECONDS = 3000


@pytest.fixture(scope="module")
def cluster(state: Path) -> Iterator[Cluster]:
    """Yield a running cluster whose control plane is a container and whose worker is a virtual machine."""
    slot = lab_slots.reserve("kwvm", state)
    config = stackfile.document(*slot, control_planes=["cp-1"], workers=[WORKER])
    config[stackfile.LAB]["virtual"] = [WORKER]
    with removed_at_end(Cluster(name=slot.name, state=state, config=config, checkout=CHECKOUT)) as cluster:
        cluster.command("up", timeout=_UP_SECONDS)
        cluster.wait_all_ready(_READY_SECONDS)
        yield cluster


def test_worker_has_a_kernel_of_its_own(cluster: Cluster) -> None:
    kernels = {
        node["metadata"]["name"]: node["status"]["nodeInfo"]["kernelVersion"]
        for node in cluster.items("nodes")
    }
    assert "cloud-amd64" in kernels[WORKER], kernels
    assert kernels[WORKER] != kernels["cp-1"], kernels
    assert cluster.ssh(WORKER, "stat --file-system --format=%T /sys/fs/cgroup").text.strip() == "cgroup2fs"


def test_second_up_changes_nothing(cluster: Cluster) -> None:
    assert not cluster.previewed_operations()


def run_specs(cluster: Cluster, report: Path, *options: str) -> Counter[str]:
    """Run specs of upstream's tests. Return how many have each state."""
    words = ("--report", str(report), *options)
    result = cluster.command("conformance", *words, check=False, timeout=_SUITE_SECONDS)
    assert result.code == 0, f"{result.text[-4000:]}\n{report / 'report.md'}"
    lines = [json.loads(line) for line in (report / "results.jsonl").read_text().splitlines()]
    return Counter(line["state"] for line in lines if "spec" in line)


def test_privileged_pod_creates_a_network_device(cluster: Cluster, tmp_path: Path) -> None:
    """The spec of the suite `node` that fails on kernels without CONFIG_DUMMY (docs/conformance.md)."""
    counts = run_specs(cluster, tmp_path, "--suite", "node", "--focus", "PrivilegedPod")
    assert counts == {"passed": 1}, counts


def test_worker_is_ready_after_a_power_failure(cluster: Cluster) -> None:
    cluster.stop_host(WORKER)
    cluster.start_host(WORKER)
    cluster.wait_all_ready(_READY_SECONDS)
