"""Fixtures of the tests that change credentials, most in files which API servers reload.

An API server reads these files once a minute, so each change takes up to a minute. `make test-reloads` runs
the tests. The tests on hosts share a cluster.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from testkit import lab_slots, pods, stackfile
from testkit.cluster import CHECKOUT, Cluster
from testkit.figures import pytest_terminal_summary, record_figures
from testkit.state import create_directory, removed_at_end

__all__ = ["pytest_terminal_summary", "record_figures"]


@pytest.fixture(scope="session")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory with the state of all stacks and labs of this test run."""
    return create_directory(tmp_path_factory, "`make test-reloads` as root")


@pytest.fixture(scope="session")
def cluster(state: Path) -> Iterator[Cluster]:
    """Yield a running cluster with a control plane and a worker."""
    slot = lab_slots.reserve("kwreload", state)
    config = stackfile.document(*slot, control_planes=["cp-1"], workers=["w-1"])
    with removed_at_end(Cluster(name=slot.name, state=state, config=config, checkout=CHECKOUT)) as cluster:
        cluster.up()
        yield cluster


@pytest.fixture
def namespace(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[str]:
    """Create a namespace for a test and yield its name."""
    name = request.node.name.replace("_", "-")
    cluster.apply(pods.namespace(name))
    yield name
    cluster.kubectl("delete", "namespace", name, "--wait=false")
