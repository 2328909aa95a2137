"""Lab tests that compare the tables of ports with the ports that hosts listen on."""

from __future__ import annotations

import pytest

from testkit import pods
from testkit.cluster import Cluster
from testkit.wait import eventually
from topology.ports import (
    CILIUM_HEALTH_PORT,
    CILIUM_LOCAL_PORTS,
    CLUSTER_PORTS,
    DNS_CACHE_HEALTH_PORTS,
    DNS_CACHE_METRICS_PORTS,
    HOST_METRICS_PORT,
    HUBBLE_PORT,
    MEMBERLIST_PORT,
    NODE_EXPORTER_PORT,
    NODE_PORT_RANGE,
    PORT_TABLE,
    SPEAKER_HEALTH_PORT,
    SSH_PORTS,
)

ABSENT = {
    6444: "haproxy runs on hosts with the role load balancer",
    9443: "the controllers of clouds run on clouds",
    10290: "Azure's health extension runs on Azure",
    **dict.fromkeys((*DNS_CACHE_METRICS_PORTS, *DNS_CACHE_HEALTH_PORTS), "nodes have no DNS cache"),
    **dict.fromkeys((HOST_METRICS_PORT, NODE_EXPORTER_PORT), "the cluster has no monitoring"),
    **dict.fromkeys((MEMBERLIST_PORT, SPEAKER_HEALTH_PORT), "the cluster has no MetalLB"),
    **dict.fromkeys((CILIUM_HEALTH_PORT, HUBBLE_PORT, *CILIUM_LOCAL_PORTS), "the CNI is flannel"),
}
"""Ports of the table without a listener in the test cluster."""
PORT = 9100
"""A port that no component of the cluster has."""
_EPHEMERAL = 32768
"""Start of the kernel's ephemeral ports. containerd's streaming server uses an ephemeral port on loopback."""

_LISTENERS = """
for table in tcp tcp6 udp udp6; do
    while read -r _ address _ state _; do
        case $state in 0A | 07) echo "${table%6} ${address%:*} $((0x${address##*:}))" ;; esac
    done <"/proc/net/$table"
done
"""
# Loopback addresses in the kernel's notation: 127.0.0.0/8 in reverse byte order, and ::1.
_LOOPBACK = ("7F", "00000000000000000000000001000000")


@pytest.fixture(scope="module")
def listeners(cluster: Cluster) -> set[tuple[str, int, bool]]:
    """Return all listeners on all hosts as protocol, port and whether only the host itself can connect."""
    lines = [line for host in cluster.nodes for line in cluster.ssh(host, _LISTENERS).stdout.splitlines()]
    listening = set()
    for line in lines:
        protocol, address, port = line.split()
        local = address.endswith(_LOOPBACK[0]) or address == _LOOPBACK[1]
        if not (local and int(port) >= _EPHEMERAL):
            listening.add((protocol, int(port), local))
    return listening


def test_every_listener_is_in_the_table(listeners: set[tuple[str, int, bool]]) -> None:
    assert {port for _, port, _ in listeners} - CLUSTER_PORTS.keys() == set()


def test_every_port_of_the_table_has_a_listener(listeners: set[tuple[str, int, bool]]) -> None:
    assert CLUSTER_PORTS.keys() - {port for _, port, _ in listeners} == ABSENT.keys()


def test_listeners_that_others_reach_have_a_rule(listeners: set[tuple[str, int, bool]]) -> None:
    rules = {
        (str(row.protocol), 22 if row.ports == SSH_PORTS else row.ports[0])
        for row in PORT_TABLE
        if row.ports != NODE_PORT_RANGE
    }
    assert {(protocol, port) for protocol, port, local in listeners if not local} - rules == set()


@pytest.mark.release
def test_configured_port_is_open_for_its_sources_only(cluster: Cluster, namespace: str) -> None:
    """A pod in the network of a worker listens. Before and after the setting, no other machine reaches it."""
    cluster.kubectl("label", "namespace", namespace, "pod-security.kubernetes.io/enforce=privileged")
    server = pods.container(f"mkdir /tmp/www && exec httpd -f -p {PORT} -h /tmp/www")
    cluster.apply(pods.pod(namespace, "server", pods.spec(server, hostNetwork=True, **pods.on_node("w-1"))))
    cluster.kubectl("wait", "-n", namespace, "pod/server", "--for=condition=Ready", "--timeout=60s")

    def reaches(host: str) -> bool:
        connect = f"timeout 3 bash -c '</dev/tcp/{cluster.address('w-1')}/{PORT}'"
        return cluster.ssh(host, connect, check=False).code == 0

    entry = {"port": PORT, "sources": [f"{cluster.address('w-2')}/32"], "because": "a test"}
    eventually("the pod listens", lambda: reaches("w-1"), timeout=30)
    assert not reaches("w-2")
    before = {host: cluster.services(host) for host in cluster.nodes}
    with cluster.temporary_settings({"network": {"ports": {"exporter": entry}}}):
        cluster.up()
        assert reaches("w-2")
        assert not reaches("cp-1")
        assert {host: cluster.services(host) for host in cluster.nodes} == before, "a service restarted"
    assert not reaches("w-2")
    # The other tests of this file compare all listeners.
    cluster.kubectl("delete", "-n", namespace, "pod/server", "--grace-period=1", "--wait")
