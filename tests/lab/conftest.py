"""Fixtures for clusters on real hosts, which are created once for all tests and always removed at the end.

The state is in a temporary directory, so that tests do not affect the user's clusters. Tests use the user's
cache (tools, mirror, root file system of hosts). KUBEWRIGHT_TEST_STATE names a directory that is kept: the
first run creates a cluster there, and later runs use this cluster and leave it running.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from testkit import lab_slots, pods, stackfile
from testkit.cluster import CHECKOUT, Cluster
from testkit.processes import CommandLineWatch
from testkit.state import create_directory, is_kept

HELLO_PORT = 30080
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory with the state of all stacks and labs of this test run."""
    return create_directory(tmp_path_factory, "`make test` as root, or `make test-unit`")


@contextmanager
def removed_at_end(cluster: Cluster) -> Iterator[Cluster]:
    """Yield a cluster and run `down` at the end of the block, also after a failed `up`."""
    try:
        yield cluster
    finally:
        if not is_kept():
            cluster.down()


@pytest.fixture(scope="session")
def watch() -> Iterator[CommandLineWatch]:
    """Yield a watch that samples the command lines of all processes, also on hosts, during the creation of
    `cluster`.
    """
    with CommandLineWatch() as watch:
        yield watch


@pytest.fixture(scope="session")
def cluster(state: Path, watch: CommandLineWatch) -> Iterator[Cluster]:
    """Yield a running cluster with a control plane, two workers, vxlan, nftables, and the chart in
    lab/charts.
    """
    slot = lab_slots.reserve("kwtest", state)
    config = stackfile.document(*slot, control_planes=["cp-1"], workers=["w-1", "w-2"], hello=HELLO_PORT)
    with removed_at_end(Cluster(name=slot.name, state=state, config=config, checkout=CHECKOUT)) as cluster:
        cluster.up()
        watch.stop()
        yield cluster


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    """Create a namespace for a test and yield its name."""
    name = f"test-{next(_numbers)}"
    cluster.apply(pods.namespace(name))
    yield name
    cluster.kubectl("delete", "namespace", name, "--wait=false")
