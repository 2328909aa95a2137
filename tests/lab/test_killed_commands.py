"""Lab test of `up` and `down` that are killed: the next command completes them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from select import select

import pytest

from lab import cgroups
from testkit import lab_slots, stackfile
from testkit.cluster import UP_SECONDS, Cluster
from testkit.interrupt import kill_at_output, kill_when
from testkit.leftovers import leftovers
from testkit.state import removed_at_end

pytestmark = pytest.mark.release

KILL_POINTS = ("LocallySignedCert", "cp-1-etcd", "cp-1-control-plane", "cp-1-node", "coredns")
"""The points at which `up` is killed: types or names of resources, in order of creation."""


@pytest.fixture
def killed_cluster(state: Path) -> Iterator[Cluster]:
    """Yield a cluster that is not created yet, for a test that kills `up` and `down`."""
    slot = lab_slots.reserve("kwkill", state)
    config = stackfile.document(*slot, control_planes=["cp-1"], workers=[])
    with removed_at_end(Cluster(name=slot.name, state=state, config=config)) as cluster:
        yield cluster


def test_next_command_completes_a_killed_command(killed_cluster: Cluster) -> None:
    """The steps are one test, because each step continues with the result of the previous step."""
    _up_completes_a_repeatedly_killed_up(killed_cluster)
    _up_creates_the_cluster_again_after_a_killed_down(killed_cluster)
    _down_completes_a_killed_down(killed_cluster)


def _up_completes_a_repeatedly_killed_up(killed_cluster: Cluster) -> None:
    for point in KILL_POINTS:
        kill_at_output(killed_cluster, "up", rf"{point}.*(creat|updat)", timeout=UP_SECONDS)
    last = killed_cluster.up()
    killed_cluster.wait_all_ready()
    assert "Traceback" not in last.text
    assert killed_cluster.previewed_operations() == {}


def _up_creates_the_cluster_again_after_a_killed_down(killed_cluster: Cluster) -> None:
    _kill_down(killed_cluster)
    killed_cluster.up()
    killed_cluster.wait_all_ready()
    assert killed_cluster.previewed_operations() == {}


def _down_completes_a_killed_down(killed_cluster: Cluster) -> None:
    _kill_down(killed_cluster)
    killed_cluster.down()
    assert leftovers(killed_cluster) == []
    assert not killed_cluster.lab.exists(), "the state of the lab still exists"


def _kill_down(cluster: Cluster) -> None:
    """Kill `down` after it has removed a part of the cluster."""
    with ExitStack() as stack:
        hosts = [stack.enter_context(_open_process(cluster, host)) for host in cluster.nodes]
        # `down` first ends the hosts. A search for all leftovers would take longer than the rest of `down`.
        kill_when(cluster, "down", lambda: bool(select(hosts, [], [], 0)[0]), timeout=60)
    assert leftovers(cluster), "`down` ended before it was killed"


@contextmanager
def _open_process(cluster: Cluster, host: str) -> Iterator[int]:
    """Yield a file descriptor that is readable when the init process of a host has ended."""
    pid = cgroups.init_pid(cluster.name, host)
    assert pid is not None, f"{host} does not run"
    descriptor = os.pidfd_open(pid)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
