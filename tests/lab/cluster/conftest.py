"""Fixtures of the cluster that all tests of this directory share.

The tests run one after another in one process (tests/conftest.py). A test that changes the cluster restores
it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from testkit import lab_slots, pods, stackfile
from testkit.cluster import CHECKOUT, Cluster
from testkit.processes import CommandLineWatch
from testkit.state import removed_at_end

HELLO_PORT = 30080
_numbers = itertools.count(1)


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
