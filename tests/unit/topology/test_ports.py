"""Tests of the firewall rules for the ports of hosts."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from itertools import combinations

import pytest

from assembly import build_topology
from settings import load
from tests.unit.settings.support import HIGHLY_AVAILABLE, ONE_HOST, TWO_WORKERS, with_edits
from topology.firewall_rules import FirewallRule, port_table, ports_closed_to_pods, rules_for
from topology.model import Role, Topology
from topology.ports import CLUSTER_PORTS, PORT_TABLE, Protocol

RESTRICTED = {"network.api_allowed": ["192.0.2.0/24"]}


@pytest.fixture
def restricted_topology() -> Topology:
    return build_topology(load(with_edits(TWO_WORKERS, RESTRICTED)))


def admits(
    rules: tuple[FirewallRule, ...], address: str, port: int, protocol: Protocol = Protocol.TCP
) -> bool:
    return any(
        rule.protocol is protocol
        and rule.first <= port <= rule.last
        and any(IPv4Address(address) in network for network in rule.networks)
        for rule in rules
    )


@pytest.mark.parametrize(
    ("role", "address", "port", "expected"),
    [
        (Role.CONTROL_PLANE, "192.0.2.7", 6443, True),
        (Role.CONTROL_PLANE, "198.51.100.7", 6443, False),
        (Role.CONTROL_PLANE, "10.89.0.21", 6443, True),
        (Role.CONTROL_PLANE, "10.244.3.4", 6443, True),
        (Role.ETCD, "10.89.0.11", 2379, True),
        (Role.ETCD, "10.89.0.21", 2379, False),
        (Role.ETCD, "10.244.0.4", 2379, False),
        (Role.ETCD, "10.89.0.21", 2380, False),
        (Role.NODE, "10.89.0.11", 10250, True),
        (Role.NODE, "192.0.2.7", 10250, False),
        (Role.NODE, "198.51.100.7", 30080, True),
        (Role.NODE, "198.51.100.7", 10257, False),
        (Role.NODE, "192.0.2.7", 22, True),
        (Role.NODE, "198.51.100.7", 22, False),
    ],
)
def test_rules_admit_the_expected_sources(
    restricted_topology: Topology, role: Role, address: str, port: int, expected: bool
) -> None:
    assert admits(rules_for(restricted_topology, [role]), address, port) is expected


@pytest.mark.parametrize(
    ("section", "address", "expected"),
    [
        (None, "10.89.0.21", False),
        ({}, "10.89.0.21", True),
        ({}, "10.89.0.22", True),
        ({}, "10.244.3.4", True),
        ({}, "198.51.100.7", False),
        ({"pool": "metrics"}, "10.89.0.21", True),
        ({"pool": "metrics"}, "10.89.0.22", False),
        ({"pool": "metrics"}, "10.89.0.11", False),
    ],
)
@pytest.mark.parametrize("role", list(Role))
def test_metrics_of_hosts_are_open_to_nodes_of_prometheus_only(
    section: dict[str, object] | None, role: Role, address: str, expected: bool
) -> None:
    pools = {"metrics": {"hosts": ["w-1"]}, "workers": {"hosts": ["w-2"]}}
    edits: dict[str, object] = {"pools": pools}
    if section is not None:
        edits["addons.monitoring"] = section
    topology = build_topology(load(with_edits(TWO_WORKERS, edits)))
    assert admits(rules_for(topology, [role]), address, 10291) is expected


@pytest.mark.parametrize(
    ("edits", "expected"),
    [
        ({}, True),
        ({"network.backend": "host-gw"}, True),
        ({"network.cni": "none"}, False),
    ],
)
def test_vxlan_is_open_to_machines_with_each_backend_of_flannel(
    edits: dict[str, object], expected: bool
) -> None:
    """Nodes with host-gw get VXLAN packets of nodes that have not changed yet."""
    rules = rules_for(build_topology(load(with_edits(TWO_WORKERS, edits))), [Role.NODE])
    assert admits(rules, "10.89.0.22", 8472, Protocol.UDP) is expected
    assert not admits(rules, "198.51.100.7", 8472, Protocol.UDP)


def test_memberlist_is_open_to_machines_with_metallb_only() -> None:
    section = {"pools": {"public": {"addresses": ["10.89.0.240-10.89.0.250"]}}}
    with_metallb = build_topology(load(with_edits(TWO_WORKERS, {"addons.load_balancer": section})))
    for protocol in (Protocol.TCP, Protocol.UDP):
        rules = rules_for(with_metallb, [Role.NODE])
        assert admits(rules, "10.89.0.22", 7946, protocol)
        assert not admits(rules, "10.244.1.2", 7946, protocol)
        assert not admits(rules_for(with_metallb, [Role.ETCD]), "10.89.0.22", 7946, protocol)
        without = rules_for(build_topology(load(TWO_WORKERS)), [Role.NODE])
        assert not admits(without, "10.89.0.22", 7946, protocol)
        assert (protocol, 7946) in [
            (rule.protocol, rule.first) for rule in ports_closed_to_pods(with_metallb)
        ]


def test_additional_worker_changes_no_rule() -> None:
    edits = {"pools.workers.hosts": ["w-1", "w-2", "w-3"], "metal.hosts.w-3": {"address": "10.89.0.23"}}
    before, after = build_topology(load(TWO_WORKERS)), build_topology(load(with_edits(TWO_WORKERS, edits)))
    for role in Role:
        assert rules_for(before, [role]) == rules_for(after, [role])


def test_sources_of_a_rule_do_not_overlap() -> None:
    """nftables rejects a set with overlapping intervals, such as 0.0.0.0/0 and the machines' network."""
    for raw in (ONE_HOST, TWO_WORKERS, HIGHLY_AVAILABLE):
        for rule in rules_for(build_topology(load(raw)), Role):
            assert not any(left.overlaps(right) for left, right in combinations(rule.networks, 2))


def test_load_balancers_accept_the_endpoint_and_vrrp() -> None:
    topology = build_topology(load(with_edits(HIGHLY_AVAILABLE, {"endpoint.port": 443})))
    rules = rules_for(topology, [Role.LOAD_BALANCER])
    assert admits(rules, "203.0.113.9", 443)
    assert not admits(rules, "203.0.113.9", 6443)
    vrrp = next(rule for rule in rules if rule.protocol is Protocol.VRRP)
    assert vrrp.networks == (IPv4Network("10.0.0.14/31"),)


def test_without_load_balancers_no_host_accepts_vrrp(restricted_topology: Topology) -> None:
    assert all(rule.protocol is not Protocol.VRRP for rule in rules_for(restricted_topology, Role))


def test_firewall_opens_configured_ssh_ports() -> None:
    topology = build_topology(load(with_edits(TWO_WORKERS, {"metal.ssh.port": 2222})))
    rules = rules_for(topology, [Role.NODE])
    assert admits(rules, "10.89.0.21", 2222)
    assert not admits(rules, "10.89.0.21", 22)


def test_all_ports_of_the_table_are_cluster_ports() -> None:
    # Without the cache, machines may serve names at port 53, at another address.
    fixed = {row.ports[0] for row in PORT_TABLE if row.ports[0] > 0 and not row.with_node_cache}
    assert fixed <= set(CLUSTER_PORTS)


def test_printed_table_has_all_rows_that_apply(restricted_topology: Topology) -> None:
    text = port_table(restricted_topology)
    for row in PORT_TABLE:
        # Rows for load balancers are omitted on a cluster without load balancers, rows for clouds on bare
        # metal, and rows for the DNS cache, MetalLB, Cilium, monitoring and file storage without them.
        assert (row.purpose in text) == (
            row.roles != (Role.LOAD_BALANCER,)
            and not row.with_cloud_controllers
            and not row.with_node_cache
            and not row.with_metallb
            and not row.with_cilium
            and not row.with_monitoring
            and not row.with_file_storage
        )
    assert "192.0.2.0/24" in text
    assert "tcp 30000-32767" in text


def test_api_servers_behind_load_balancers_accept_only_the_cluster() -> None:
    topology = build_topology(load(with_edits(HIGHLY_AVAILABLE, RESTRICTED)))
    rules = rules_for(topology, [Role.CONTROL_PLANE])
    assert not admits(rules, "192.0.2.7", 6443)
    assert admits(rules, "10.0.0.14", 6443)
    assert admits(rules, "10.244.3.4", 6443)
    assert admits(rules_for(topology, [Role.LOAD_BALANCER]), "192.0.2.7", 6443)


def test_ports_of_the_table_are_closed_to_pods_unless_pods_are_a_source(
    restricted_topology: Topology,
) -> None:
    closed = ports_closed_to_pods(restricted_topology)
    assert [(rule.protocol, rule.first, rule.last) for rule in closed] == [
        (Protocol.TCP, 22, 22),
        (Protocol.TCP, 2379, 2379),
        (Protocol.TCP, 2380, 2380),
        (Protocol.TCP, 10256, 10256),
        (Protocol.UDP, 8472, 8472),
    ]
    for rule in closed:
        assert rule.networks == restricted_topology.network.machines
        assert rule.purpose


def test_ports_of_the_ingress_are_those_of_its_pool() -> None:
    pools = {
        "workers": {"hosts": ["w-1"]},
        "edge": {"hosts": ["w-2"], "taints": ["dedicated=ingress:NoSchedule"]},
    }
    ingress = {"pool": "edge", "sources": ["192.0.2.0/24"]}
    topology = build_topology(load(with_edits(TWO_WORKERS, {"pools": pools, "addons": {"ingress": ingress}})))
    for port in (80, 443):
        for address, expected in (("192.0.2.7", True), ("10.244.3.4", True), ("198.51.100.7", False)):
            assert admits(rules_for(topology, [Role.NODE], ["edge"]), address, port) is expected
            assert not admits(rules_for(topology, [Role.NODE], ["workers"]), address, port)
    (line,) = (line for line in port_table(topology).splitlines() if "ingress: HTTPS" in line)
    assert line.split()[:4] == ["addons.ingress.443", "edge", "tcp", "443"]


def test_ingress_behind_a_load_balancer_opens_no_port() -> None:
    addons = {
        "ingress": {"load_balancer": True, "sources": ["192.0.2.0/24"]},
        "load_balancer": {"pools": {"main": {"addresses": ["10.89.0.200-10.89.0.210"]}}},
    }
    topology = build_topology(load(with_edits(TWO_WORKERS, {"addons": addons})))
    assert topology.ingress is not None
    assert topology.network.open_ports == ()
