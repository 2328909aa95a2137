"""Tests that the ports of the settings are in the printed table, in nftables and in both clouds' rules."""

from __future__ import annotations

from ipaddress import IPv4Network

from assembly import build_topology
from nodeconfig.firewall import ruleset
from providers.aws import firewall as aws
from providers.azure import firewall as azure
from settings import load
from tests.unit.components.graph import Json
from tests.unit.providers.aws.program import example_settings as aws_settings
from tests.unit.providers.azure.program import example_settings as azure_settings
from tests.unit.providers.program import section
from tests.unit.settings.support import TWO_WORKERS, with_edits
from topology.firewall_rules import FirewallRule, port_table, rules_for
from topology.model import Role, Topology
from topology.ports import Protocol

PORTS: Json = {
    "exporter": {"port": 9100, "sources": ["192.0.2.0/25", "192.0.2.128/25"], "because": "metrics"},
    "game": {
        "port": "7000-7010",
        "protocol": "udp",
        "sources": ["0.0.0.0/0"],
        "roles": ["node", "control-plane"],
        "because": "players",
    },
}
EXPORTER = FirewallRule((IPv4Network("192.0.2.0/24"),), Protocol.TCP, 9100, 9100, "metrics", "exporter")
GAME = FirewallRule((IPv4Network("0.0.0.0/0"),), Protocol.UDP, 7000, 7010, "players", "game")


def with_ports(cluster: Json) -> None:
    section(cluster, "network")["ports"] = PORTS


def metal(ports: object = PORTS) -> Topology:
    return build_topology(load(with_edits(TWO_WORKERS, {"network.ports": ports})))


def added(role: Role) -> list[FirewallRule]:
    """Return the rules of a host that the settings add. They follow all others."""
    without, rules = rules_for(metal({}), [role]), rules_for(metal(), [role])
    assert rules[: len(without)] == without
    return list(rules[len(without) :])


def test_ports_are_open_on_the_machines_of_their_roles() -> None:
    assert added(Role.NODE) == [EXPORTER, GAME]
    assert added(Role.CONTROL_PLANE) == [GAME]
    assert added(Role.ETCD) == []


def test_printed_table_has_the_ports() -> None:
    lines = port_table(metal()).splitlines()[-2:]
    assert [line.split() for line in lines] == [
        ["network.ports.exporter", "node", "tcp", "9100", "metrics", "192.0.2.0/24"],
        ["network.ports.game", "node,", "control-plane", "udp", "7000-7010", "players", "0.0.0.0/0"],
    ]


def test_packet_filter_accepts_the_ports_and_refuses_pods_that_are_no_source() -> None:
    lines = [line.strip() for line in ruleset(metal(), [Role.NODE]).splitlines()]
    assert 'ip saddr 192.0.2.0/24 tcp dport 9100 accept comment "metrics"' in lines
    assert 'udp dport 7000-7010 accept comment "players"' in lines
    closed = [line for line in lines if " drop " in line and "9100" in line]
    assert len(closed) == 1 + len(metal().network.machines), "pods of other nodes, then pods of this node"
    assert not [line for line in lines if " drop " in line and "7000" in line]


def test_pods_that_are_a_source_come_with_the_addresses_of_their_nodes() -> None:
    topology = metal({"pods": {"port": 9100, "sources": ["10.244.0.0/16"], "because": "metrics"}})
    (rule,) = (rule for rule in rules_for(topology, [Role.NODE]) if rule.setting)
    assert set(rule.networks) == {IPv4Network("10.244.0.0/16"), *topology.network.machines}
    assert not [
        line for line in ruleset(topology, [Role.NODE]).splitlines() if "drop" in line and "9100" in line
    ]


def test_ports_of_pools_are_open_on_their_nodes_only() -> None:
    entry = {"port": 9100, "sources": ["192.0.2.0/24"], "pools": ["edge", "inner"], "because": "metrics"}
    pools = {"edge": {"hosts": ["w-1"]}, "inner": {"hosts": ["w-2"]}}
    edits = {"network.ports": {"exporter": entry}, "pools": pools}
    topology = build_topology(load(with_edits(TWO_WORKERS, edits)))

    def opened(*pools: str) -> list[str]:
        return [rule.setting for rule in rules_for(topology, [Role.NODE], pools) if rule.setting]

    assert (opened("edge"), opened("inner"), opened("workers", "inner")) == (["exporter"],) * 3
    assert (opened(), opened("workers"), opened("control-plane")) == ([],) * 3
    accepted = "ip saddr 192.0.2.0/24 tcp dport 9100 accept"
    assert accepted in ruleset(topology, [Role.NODE], "edge")
    assert accepted not in ruleset(topology, [Role.NODE], "workers")
    assert "chain prerouting" not in ruleset(topology, [Role.NODE], "edge"), "the port is no host port"
    line = port_table(topology).splitlines()[-1].split()
    assert line == ["network.ports.exporter", "edge,", "inner", "tcp", "9100", "metrics", "192.0.2.0/24"]


def test_security_groups_of_workers_have_the_ports_of_all_pools() -> None:
    """All pools of a cloud share a group, and the packet filter of a node limits the ports to its pool."""

    def of_pool(cluster: Json) -> None:
        (pool, *_) = section(cluster, "pools")
        entry = {key: value for key, value in section(PORTS, "game").items() if key != "roles"}
        section(cluster, "network")["ports"] = {"game": {**entry, "pools": [pool]}}

    topology = aws_settings(of_pool)[2]
    pools = [pool.name for pool in topology.pools]
    assert (7000, 7010) in [
        (rule.first, rule.last) for rule in aws.ingress_rules(topology, [Role.NODE], pools)
    ]
    rules = aws.ingress_rules(topology, [Role.CONTROL_PLANE, Role.NODE])
    assert 7000 not in [rule.first for rule in rules]
    groups = azure.rules_by_group(azure_settings(of_pool)[2])
    assert [name for name, rules in groups.items() if "udp-7000" in {rule.name for rule in rules}] == [
        azure.NODES
    ]


def test_security_groups_have_the_ports_with_sources_outside_of_the_network() -> None:
    rules = aws.ingress_rules(aws_settings(with_ports)[2], [Role.NODE])[-2:]
    assert [(rule.networks, rule.protocol, rule.first, rule.last, rule.description) for rule in rules] == [
        (rule.networks, str(rule.protocol), rule.first, rule.last, rule.purpose) for rule in (EXPORTER, GAME)
    ]


def test_network_security_groups_have_the_ports_with_priorities_of_their_own() -> None:
    rules = {rule.name: rule for rule in azure.rules_by_group(azure_settings(with_ports)[2])[azure.NODES]}
    assert (rules["tcp-9100"].sources, rules["tcp-9100"].ports) == (("192.0.2.0/24",), "9100")
    assert (rules["udp-7000"].sources, rules["udp-7000"].ports) == (("0.0.0.0/0",), "7000-7010")
    priorities = [rule.priority for rule in rules.values()]
    assert len(set(priorities)) == len(priorities)
    assert max(priorities) <= azure.LAST_PRIORITY


def test_a_port_keeps_its_priority_when_another_is_removed() -> None:
    def with_game(cluster: Json) -> None:
        section(cluster, "network")["ports"] = {"game": PORTS["game"]}

    both = azure.rules_by_group(azure_settings(with_ports)[2])[azure.NODES]
    assert set(azure.rules_by_group(azure_settings(with_game)[2])[azure.NODES]) <= set(both)
