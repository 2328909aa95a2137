"""Fault tests of dedicated etcd hosts: the host of a member is killed, or a member hangs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from testkit import lab_slots, stackfile
from testkit.cluster import CHECKOUT
from testkit.figures import RecordFigures
from testkit.stackfile import DELETE
from tests.faults.conftest import running_stack
from tests.faults.ha import HaCluster
from tests.faults.hanging_disk import hanging_disk
from tests.faults.load import assert_limits, running_client
from tests.faults.privileges import assert_no_failed_check, assert_services_have_no_privileges
from tests.faults.test_frozen import FROZEN_SECONDS, TIMEOUT, assert_bounds, client_of, server_of_writes
from tests.faults.test_hosts import MAX_WRITE_GAPS, OFF_SECONDS

MEMBERS = ("e-1", "e-2", "e-3")


@pytest.fixture(scope="module")
def dedicated_etcd(state: Path) -> Iterator[HaCluster]:
    """Yield a running cluster with two load balancers, three control planes without etcd, three etcd hosts
    and a worker.
    """
    slot = lab_slots.reserve("kwetcd", state)
    config = stackfile.from_checkout(CHECKOUT / "Pulumi.ha.yaml", *slot)
    cluster = HaCluster(name=slot.name, state=state, config=config)
    hosts = {
        name: {"address": str(IPv4Network(slot.network)[41 + number]), "cpus": 1, "memory": "1Gi"}
        for number, name in enumerate(MEMBERS)
    }
    cluster.merge_settings(
        {
            "etcd": {"hosts": list(MEMBERS)},
            "pools": {"general": {"hosts": ["w-1"]}, "edge": DELETE},
            "metal": {"hosts": {**hosts, "w-2": DELETE, "w-3": DELETE}},
        }
    )
    with running_stack(cluster) as cluster:
        yield cluster


def test_no_check_of_cis_fails(dedicated_etcd: HaCluster, record_figures: RecordFigures) -> None:
    assert_no_failed_check(dedicated_etcd, record_figures)


def test_services_have_no_privileges(dedicated_etcd: HaCluster) -> None:
    """The proxy of etcd on a control plane is haproxy."""
    assert_services_have_no_privileges(dedicated_etcd)


@pytest.mark.parametrize("role", ["etcd-leader", "control-plane"])
def test_killed_host_returns(dedicated_etcd: HaCluster, record_figures: RecordFigures, role: str) -> None:
    dedicated_etcd.wait_healthy()
    host = dedicated_etcd.host_by_role(role)
    assert (host in MEMBERS) == (role == "etcd-leader")
    with running_client(dedicated_etcd) as client:
        dedicated_etcd.stop_host(host)
        time.sleep(OFF_SECONDS)
        client.wait_for_write(timeout=30)
        dedicated_etcd.start_host(host)
        dedicated_etcd.wait_healthy()
        record_figures(host=host)
        assert_limits(client, dedicated_etcd, MAX_WRITE_GAPS[role], record_figures)
    assert dedicated_etcd.previewed_operations() == {}


def test_frozen_etcd_leader(dedicated_etcd: HaCluster, record_figures: RecordFigures) -> None:
    dedicated_etcd.wait_healthy()
    with running_client(dedicated_etcd, TIMEOUT) as client:
        host = preferred_member(dedicated_etcd, server_of_writes(client))
        dedicated_etcd.move_etcd_leader(host)
        with dedicated_etcd.frozen_service("etcd.service", host) as began:
            time.sleep(FROZEN_SECONDS)
        assert_bounds(client, dedicated_etcd, began, record_figures, host)
    assert dedicated_etcd.previewed_operations() == {}


def test_disk_of_etcd_leader_hangs(dedicated_etcd: HaCluster, record_figures: RecordFigures) -> None:
    dedicated_etcd.wait_healthy()
    host = MEMBERS[0]
    (server,) = (
        name for name in dedicated_etcd.control_planes if preferred_member(dedicated_etcd, name) == host
    )
    with hanging_disk(dedicated_etcd, host) as disk:
        # The connections that the proxy moved to other members return with a new process.
        dedicated_etcd.ssh(server, "systemctl restart kube-apiserver.service", timeout=120)
        dedicated_etcd.wait_healthy()
        with client_of(dedicated_etcd, server) as client:
            dedicated_etcd.move_etcd_leader(host)
            with disk.hangs() as began:
                time.sleep(FROZEN_SECONDS)
            assert_bounds(client, dedicated_etcd, began, record_figures, host)
    dedicated_etcd.wait_healthy()


def preferred_member(cluster: HaCluster, server: str) -> str:
    """Return the etcd member that the API server of a control plane uses while the member answers."""
    return cluster.members[cluster.control_planes.index(server)]
