"""Clusters on real hosts, made once for all tests and taken down at the end, whatever happens.

Their state is in a temporary directory, so that the user's clusters are left alone; the cache
(tools, mirror, root of the hosts) is the user's. While a test is being written, KUBEWRIGHT_TEST_STATE
names a directory to keep: a cluster made there by one run is used, and left running, by the next.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from testkit.cluster import CHECKOUT, Cluster
from testkit.processes import Watch
from testkit.state import directory, kept

from testkit import pods, stackfile

# Of tests that run side by side, each process has a cluster of its own.
PROCESS = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
NAME = f"kwtest{PROCESS}"
NETWORK = f"10.94.{PROCESS}.0/24"
HELLO_PORT = 30080
_numbers = itertools.count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What needs hosts begins first: it takes longest, and other tests go on beside it."""
    here = Path(__file__).parent
    items.sort(key=lambda item: not item.path.is_relative_to(here))


@pytest.fixture(scope="session")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where this run of the tests keeps the state of its stacks and labs."""
    return directory(tmp_path_factory, "`make test` as root, or `make test-unit`")


@contextmanager
def stack(cluster: Cluster) -> Iterator[Cluster]:
    """A stack that is taken down at the end, also when its `up` failed."""
    try:
        yield cluster
    finally:
        if not kept():
            cluster.down()


@pytest.fixture(scope="session")
def watch() -> Iterator[Watch]:
    """Looks at all command lines of the machine (hosts included) while the first cluster is made."""
    with Watch() as watch:
        yield watch


@pytest.fixture(scope="session")
def cluster(state: Path, watch: Watch) -> Iterator[Cluster]:
    """One control plane, two workers, vxlan and nftables, the page of our own chart."""
    config = stackfile.document(
        NAME, NETWORK, control_planes=["cp-1"], workers=["w-1", "w-2"], hello=HELLO_PORT
    )
    with stack(Cluster(name=NAME, state=state, config=config, checkout=CHECKOUT)) as cluster:
        cluster.up()
        watch.stop()
        yield cluster


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    """A namespace of the test's own."""
    name = f"test-{next(_numbers)}"
    cluster.apply(pods.namespace(name))
    yield name
    cluster.kubectl("delete", "namespace", name, "--wait=false")
