"""A worker that is a virtual machine with Debian's kernel: it joins, and does what needs modules of a kernel
[P1].
"""

from __future__ import annotations

import json
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


def test_privileged_pod_creates_a_network_device(cluster: Cluster, tmp_path: Path) -> None:
    """The spec of the suite `node` that fails on kernels without CONFIG_DUMMY (docs/conformance.md)."""
    cluster.command("conformance", "--focus", "PrivilegedPod", "--report", str(tmp_path), timeout=_UP_SECONDS)
    lines = [json.loads(line) for line in (tmp_path / "results.jsonl").read_text().splitlines()]
    states = {line["spec"]: line["state"] for line in lines if "spec" in line}
    assert list(states.values()) == ["passed"], states


def test_worker_is_ready_after_a_power_failure(cluster: Cluster) -> None:
    cluster.stop_host(WORKER)
    cluster.start_host(WORKER)
    cluster.wait_all_ready(_READY_SECONDS)
