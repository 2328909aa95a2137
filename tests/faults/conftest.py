"""Fixtures for the highly available cluster on real hosts, which is created once for all fault tests.

`KUBEWRIGHT_TEST_STATE` names a directory that is kept, as in tests/lab: the first run creates a cluster
there, and later runs use this cluster and leave it running.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest

from testkit import lab_slots, stackfile
from testkit.cluster import CHECKOUT, Cluster
from testkit.state import create_directory, removed_at_end
from tests.faults.ha import HaCluster

_ClusterT = TypeVar("_ClusterT", bound=Cluster)
RecordFigures = Callable[..., None]
"""A function that records the measurements of a test."""
_figures: list[dict[str, Any]] = []


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


@pytest.fixture
def record_figures(request: pytest.FixtureRequest, state: Path) -> RecordFigures:
    """Return a function that records measurements of a test, given as keyword arguments.

    The function writes a line to faults.jsonl and adds a row to the table at the end of the test run.
    """

    def record(**figures: object) -> None:
        entry = {"test": request.node.name, **figures}
        _figures.append(entry)
        with (state / "faults.jsonl").open("a") as file:
            file.write(json.dumps(entry) + "\n")
        print(json.dumps(entry))

    return record


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table of all measurements at the end of the test run."""
    if not _figures:
        return
    terminalreporter.section("figures (seconds)")
    for entry in _figures:
        shown = ", ".join(f"{name} {value}" for name, value in entry.items() if name != "test")
        terminalreporter.write_line(f"{entry['test']}: {shown}")
