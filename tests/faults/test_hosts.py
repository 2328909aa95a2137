"""Fault tests: a host fails or is disconnected, or all hosts lose power. Acknowledged writes are not lost."""

from __future__ import annotations

import time

import pytest

from testkit.figures import RecordFigures
from tests.faults.ha import HaCluster
from tests.faults.load import assert_limits, running_client

MAX_WRITE_GAPS = {
    "active-load-balancer": 10,
    "standby-load-balancer": 2,
    "etcd-leader": 15,
    "control-plane": 15,
    "worker": 2,
}
"""By the role of the failed host: the maximum time without a successful write, in seconds."""
OFF_SECONDS = 45
"""Seconds for which a killed host is off: longer than every timeout that a lost host causes."""
DISCONNECTED_SECONDS = 60
"""Seconds for which a host is disconnected from the network."""


@pytest.mark.parametrize("role", MAX_WRITE_GAPS)
def test_killed_host_returns(healthy_cluster: HaCluster, record_figures: RecordFigures, role: str) -> None:
    host = healthy_cluster.host_by_role(role)
    with running_client(healthy_cluster) as client:
        healthy_cluster.stop_host(host)
        time.sleep(OFF_SECONDS)
        client.wait_for_write(timeout=30)
        healthy_cluster.start_host(host)
        began = time.monotonic()
        healthy_cluster.wait_healthy()
        record_figures(host=host, healthy_again=round(time.monotonic() - began, 1))
        assert_limits(client, healthy_cluster, MAX_WRITE_GAPS[role], record_figures)


@pytest.mark.parametrize("role", MAX_WRITE_GAPS)
def test_host_is_disconnected_for_a_minute(
    healthy_cluster: HaCluster, record_figures: RecordFigures, role: str
) -> None:
    host = healthy_cluster.host_by_role(role)
    with running_client(healthy_cluster) as client:
        with healthy_cluster.disconnected(host):
            time.sleep(DISCONNECTED_SECONDS)
        began = time.monotonic()
        healthy_cluster.wait_healthy()
        record_figures(host=host, healthy_again=round(time.monotonic() - began, 1))
        assert_limits(client, healthy_cluster, MAX_WRITE_GAPS[role], record_figures)


def test_all_hosts_lose_power_at_the_same_time(
    healthy_cluster: HaCluster, record_figures: RecordFigures
) -> None:
    with running_client(healthy_cluster) as client:
        healthy_cluster.kill_hosts(healthy_cluster.hosts)
        healthy_cluster.boot_hosts()
        began = time.monotonic()
        client.wait_for_write(timeout=240)
        served = time.monotonic() - began
        healthy_cluster.wait_healthy()
        record_figures(served_again=round(served, 1), healthy_again=round(time.monotonic() - began, 1))
        client.stop()
        assert client.lost_numbers() == []
        assert client.report().stale == ()
