"""Fixtures for the highly available cluster on real hosts, which is created once for all fault tests.

`KUBEWRIGHT_TEST_STATE` names a directory that is kept, as in tests/lab: the first run creates a cluster
there, and later runs use this cluster and leave it running.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from testkit import lab_slots, stackfile
from testkit.cluster import CHECKOUT, Cluster
from testkit.figures import pytest_terminal_summary, record_figures
from testkit.state import create_directory, removed_at_end
from tests.faults.ha import HaCluster

_ClusterT = TypeVar("_ClusterT", bound=Cluster)
__all__ = ["pytest_terminal_summary", "record_figures"]


@pytest.fixture(scope="session")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory with the state of all stacks and labs of this test run."""
    return create_directory(tmp_path_factory, "`make test-faults` as root")


@contextmanager
def running_stack(cluster: _ClusterT) -> Iterator[_ClusterT]:
    """Run `up`, yield the running cluster, and run `down` at the end, also after a failed `up`."""
    with removed_at_end(cluster):
        cluster.up()
        yield cluster


@pytest.fixture(scope="session")
def ha_cluster(state: Path) -> Iterator[HaCluster]:
    """Yield a running cluster of the stack `ha`: 2 load balancers, 3 control planes with etcd, 3 workers in 2
    pools.
    """
    slot = lab_slots.reserve("kwfault", state)
    config = stackfile.from_checkout(CHECKOUT / "Pulumi.ha.yaml", *slot)
    with running_stack(HaCluster(name=slot.name, state=state, config=config)) as cluster:
        yield cluster


@pytest.fixture
def healthy_cluster(ha_cluster: HaCluster) -> Iterator[HaCluster]:
    """Yield the cluster. Assert before and after the test that the cluster is healthy.

    After the test, assert also that a preview of the unchanged stack shows no changes.
    """
    ha_cluster.wait_healthy()
    yield ha_cluster
    ha_cluster.boot_hosts()  # a failed test may have left a host disconnected
    ha_cluster.wait_healthy()
    assert ha_cluster.previewed_operations() == {}, (
        "after the fault the preview of the unchanged stack is not empty"
    )
