"""Dedicated etcd on three hosts: the host of a member is killed and returns."""

from __future__ import annotations

import time
from collections.abc import Iterator
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from testkit import stackfile
from testkit.cluster import CHECKOUT
from testkit.stackfile import DELETE
from tests.faults.conftest import Note, stack
from tests.faults.ha import Ha
from tests.faults.load import held, load
from tests.faults.test_hosts import GAPS, GONE_SECONDS

NETWORK = "10.101.0.0/24"
MEMBERS = ("e-1", "e-2", "e-3")


@pytest.fixture(scope="module")
def apart(state: Path) -> Iterator[Ha]:
    """Return a stack of two load balancers, three control planes without etcd, three members, one worker."""
    config = stackfile.from_checkout(CHECKOUT / "Pulumi.ha.yaml", "kwetcd", NETWORK)
    cluster = Ha(name="kwetcd", state=state, config=config)
    hosts = {
        name: {"address": str(IPv4Network(NETWORK)[41 + number]), "cpus": 1, "memory": "1Gi"}
        for number, name in enumerate(MEMBERS)
    }
    cluster.change(
        {
            "etcd": {"hosts": list(MEMBERS)},
            "pools": {"general": {"hosts": ["w-1"]}, "edge": DELETE},
            "metal": {"hosts": {**hosts, "w-2": DELETE, "w-3": DELETE}},
        }
    )
    with stack(cluster) as cluster:
        yield cluster


@pytest.mark.parametrize("role", ["etcd-leader", "control-plane"])
def test_a_host_is_killed_and_comes_back(apart: Ha, note: Note, role: str) -> None:
    apart.whole()
    host = apart.by_role(role)
    assert (host in MEMBERS) == (role == "etcd-leader")
    with load(apart) as client:
        apart.stop_host(host)
        time.sleep(GONE_SECONDS)
        client.goes_on(timeout=30)
        apart.start_host(host)
        apart.whole()
        note(host=host)
        held(client, apart, GAPS[role], note)
    assert apart.steps() == {}
