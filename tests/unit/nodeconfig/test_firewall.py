"""Tests of the packet filter: which packets a node forwards for pods."""

from __future__ import annotations

import re

import pytest

from assembly import build_topology
from nodeconfig.firewall import ruleset
from settings import load
from tests.unit.settings.support import HIGHLY_AVAILABLE, TWO_WORKERS, with_edits
from topology.model import Role, Topology


def topology_of(**edits: object) -> Topology:
    return build_topology(load(with_edits(TWO_WORKERS, edits)))


def chain(
    topology: Topology, hook: str, roles: frozenset[Role] = frozenset({Role.NODE}), pool: str = ""
) -> list[str]:
    """Return the statements of a chain in the ruleset of a host with these roles."""
    _, _, rest = ruleset(topology, roles, pool).partition(f"  chain {hook} {{\n")
    return [line.strip() for line in rest.partition("\n  }")[0].splitlines()[1:]]


def closed_ports(topology: Topology, hook: str) -> set[str]:
    """Return the ports of machines that pods do not reach: `tcp 22`."""
    pods = re.escape(str(topology.network.pods))
    pattern = re.compile(rf"ip saddr {pods} (?:ip daddr \S+ )?(tcp|udp) dport (\S+) drop ")
    matches = filter(None, map(pattern.match, chain(topology, hook)))
    return {f"{match[1]} {match[2]}" for match in matches}


@pytest.mark.parametrize("hook", ["input", "forward"])
def test_pods_reach_only_ports_that_the_table_opens_to_them(hook: str) -> None:
    assert closed_ports(topology_of(), hook) == {"tcp 22", "tcp 2379", "tcp 2380", "tcp 10256", "udp 8472"}


def test_closed_ports_are_dropped_before_other_rules_accept_them() -> None:
    lines = chain(topology_of(**{"network.ssh_allowed": ["0.0.0.0/0"]}), "input")
    (dropped,) = (number for number, line in enumerate(lines) if "tcp dport 22 drop" in line)
    (accepted,) = (number for number, line in enumerate(lines) if "tcp dport 22 accept" in line)
    assert dropped < accepted


def test_pods_do_not_reach_the_port_of_vxlan_with_another_backend() -> None:
    edits = {"network.backend": "host-gw", "network.machines": ["10.89.0.0/24"]}
    assert "udp 8472" in closed_ports(topology_of(**edits), "forward")


def test_pods_reach_the_api_through_load_balancers() -> None:
    assert "tcp 6443" not in closed_ports(build_topology(load(HIGHLY_AVAILABLE)), "forward")


def test_each_network_of_machines_is_closed() -> None:
    lines = [line for line in chain(topology_of(), "forward") if "tcp dport 22 drop" in line]
    assert ["ip daddr 10.89.0.0/24" in line for line in lines] == [True, False]
    assert "ip daddr 10.90.0.0/24" in lines[1]


def test_other_networks_reach_pods_only_through_translated_addresses() -> None:
    *_, services, translated, pods = chain(topology_of(), "forward")
    inside = "ip saddr != { 10.89.0.0/24, 10.90.0.0/24, 10.244.0.0/16 } drop"
    assert services.startswith(f"ct original ip daddr 10.96.0.0/20 {inside}")
    assert translated == "ct status dnat accept"
    assert pods.startswith(f"ip daddr 10.244.0.0/16 {inside}")


def test_other_networks_reach_node_ports_without_kube_proxy() -> None:
    """Cilium translates packets before the kernel tracks connections: they come to a pod from the client."""
    own = {"network.cni": "cilium", "network.cilium": {"kube_proxy_replacement": True}}
    lines = chain(topology_of(**own), "forward")
    assert lines[-1].startswith("ct original ip daddr 10.96.0.0/20 ip saddr != ")
    assert not [line for line in lines if line.startswith("ip daddr 10.244.0.0/16")]
    kept = {"network.cni": "cilium"}
    assert chain(topology_of(**kept), "forward")[-3:] == chain(topology_of(), "forward")[-3:]


def test_quotation_marks_of_a_purpose_do_not_end_the_comment() -> None:
    port = {"port": 9100, "sources": ["192.0.2.0/24"], "because": 'the "new" exporter'}
    lines = chain(topology_of(**{"network.ports": {"exporter": port}}), "input")
    comments = [line.partition(" comment ")[2] for line in lines if "dport 9100" in line]
    assert comments == ["\"the 'new' exporter, not for pods\"", "\"the 'new' exporter\""]


def test_only_nodes_filter_packets_of_pods() -> None:
    topology = build_topology(load(HIGHLY_AVAILABLE))
    assert "not for pods" not in ruleset(topology, {Role.LOAD_BALANCER})
    assert chain(topology, "forward", frozenset({Role.ETCD})) == []
    assert chain(topology, "forward", frozenset({Role.CONTROL_PLANE, Role.NODE})) != []


INGRESS = {
    "pools": {
        "workers": {"hosts": ["w-1"]},
        "edge": {"hosts": ["w-2"], "taints": ["dedicated=ingress:NoSchedule"]},
    },
    "addons": {"ingress": {"pool": "edge", "sources": ["192.0.2.0/24"]}},
}


def test_ports_of_the_ingress_are_open_only_on_nodes_of_its_pool() -> None:
    topology, roles = topology_of(**INGRESS), frozenset({Role.NODE})
    for port in (80, 443):
        accepted = f"ip saddr 192.0.2.0/24 tcp dport {port} accept"
        assert accepted in ruleset(topology, roles, "edge")
        for pool in ("workers", "control-plane", ""):
            assert f"dport {port} " not in ruleset(topology, roles, pool)


def test_sources_of_the_ingress_apply_before_packets_go_to_its_pod() -> None:
    """The packets of a host port do not pass the chain of packets to the host."""
    lines = chain(topology_of(**INGRESS), "prerouting", pool="edge")
    sources = "10.89.0.0/24, 10.90.0.0/24, 10.244.0.0/16, 192.0.2.0/24"
    assert lines == [
        "ct state established,related accept",
        f'fib daddr type local ip saddr != {{ {sources} }} tcp dport 80 drop comment "ingress: HTTP"',
        f'fib daddr type local ip saddr != {{ {sources} }} tcp dport 443 drop comment "ingress: HTTPS"',
    ]


def test_ingress_for_all_sources_needs_no_limit() -> None:
    edits = {**INGRESS, "addons.ingress.sources": ["0.0.0.0/0"]}
    text = ruleset(topology_of(**edits), frozenset({Role.NODE}), "edge")
    assert "chain prerouting" not in text
    assert "    tcp dport 443 accept" in text


def test_pods_reach_other_machines_at_the_ports_of_the_ingress() -> None:
    assert not {"tcp 80", "tcp 443"} & closed_ports(topology_of(**INGRESS), "forward")
