"""The cluster that tests of virtual machines share: its workers have Debian's kernel."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from testkit import lab_slots, nfs_server, stackfile
from testkit.cluster import CHECKOUT, Cluster
from testkit.figures import pytest_terminal_summary, record_figures
from testkit.state import create_directory, removed_at_end
from tests.vm.nodes import CLAIM, READY_SECONDS, SERVER, UP_SECONDS, WORKERS

__all__ = ["pytest_terminal_summary", "record_figures"]


@pytest.fixture(scope="session")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory with the state of all stacks and labs of this test run."""
    return create_directory(tmp_path_factory, "`make test-vm` as root")


@pytest.fixture(scope="session")
def cluster(state: Path) -> Iterator[Cluster]:
    """Yield a running cluster whose control plane is a container and whose workers are virtual machines.

    It has a PersistentVolume on the NFS server that the fixture `nfs` boots.
    """
    slot = lab_slots.reserve("kwvm", state)
    config = stackfile.document(*slot, control_planes=["cp-1"], workers=list(WORKERS))
    config[stackfile.LAB]["virtual"] = list(WORKERS)
    server = stackfile.host(slot.network, 31)["address"]
    volume: dict[str, object] = {"server": server, "path": nfs_server.EXPORT}
    volume |= {"capacity": "1Gi", "claim": CLAIM, "mount_options": ["hard"]}
    config[stackfile.CLUSTER]["storage"] = {"nfs": {"volumes": {"data": volume}}}
    with removed_at_end(Cluster(name=slot.name, state=state, config=config, checkout=CHECKOUT)) as cluster:
        # Beside other work, emulated kubelets can exceed the time limit of their service.
        if cluster.command("up", check=False, timeout=UP_SECONDS).code:
            cluster.command("up", timeout=UP_SECONDS)  # continues
        cluster.wait_all_ready(READY_SECONDS)
        yield cluster


@pytest.fixture(scope="session")
def nfs(cluster: Cluster) -> Cluster:
    """Return the cluster when its NFS server runs."""
    (volume,) = cluster.config[stackfile.CLUSTER]["storage"]["nfs"]["volumes"].values()
    nfs_server.start(cluster, SERVER, volume["server"])
    return cluster
