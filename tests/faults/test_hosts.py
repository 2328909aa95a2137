"""Fault tests: a host fails or is disconnected, or all hosts lose power. Acknowledged writes are not lost."""

from __future__ import annotations

import time

import pytest

from tests.faults.conftest import Note
from tests.faults.ha import Ha
from tests.faults.load import assert_limits, running_client

GAPS = {
    "active-load-balancer": 10,
    "standby-load-balancer": 2,
    "etcd-leader": 15,
    "control-plane": 15,
    "worker": 2,
}
"""The maximum number of seconds that writes may pause, by the role of the disturbed host."""
GONE_SECONDS = 45
"""Seconds for which a killed host is off: longer than every time-out that a lost host causes."""
CUT_SECONDS = 60


@pytest.mark.parametrize("role", GAPS)
def test_killed_host_returns(healthy: Ha, note: Note, role: str) -> None:
    host = healthy.by_role(role)
    with running_client(healthy) as client:
        healthy.stop_host(host)
        time.sleep(GONE_SECONDS)
        client.wait_for_write(timeout=30)
        healthy.start_host(host)
        began = time.monotonic()
        healthy.wait_healthy()
        note(host=host, healthy_again=round(time.monotonic() - began, 1))
        assert_limits(client, healthy, GAPS[role], note)


@pytest.mark.parametrize("role", GAPS)
def test_host_is_disconnected_for_a_minute(healthy: Ha, note: Note, role: str) -> None:
    host = healthy.by_role(role)
    with running_client(healthy) as client:
        with healthy.disconnected(host):
            time.sleep(CUT_SECONDS)
        began = time.monotonic()
        healthy.wait_healthy()
        note(host=host, healthy_again=round(time.monotonic() - began, 1))
        assert_limits(client, healthy, GAPS[role], note)


def test_all_hosts_lose_power_at_the_same_time(healthy: Ha, note: Note) -> None:
    with running_client(healthy) as client:
        healthy.kill_hosts(healthy.hosts)
        healthy.boot_hosts()
        began = time.monotonic()
        client.wait_for_write(timeout=240)
        served = time.monotonic() - began
        healthy.wait_healthy()
        note(served_again=round(served, 1), healthy_again=round(time.monotonic() - began, 1))
        client.stop()
        assert client.lost_numbers() == []
        assert client.report().stale == ()
