"""Component of the packet filter [A5]: one nftables table, generated from the port table, replaced as a
whole.

The table filters packets to the host. On nodes it also filters forwarded packets: pods reach no ports of
machines that the port table does not open to pods, and only machines and pods reach pods and services
directly.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import collapse_addresses

from nodeconfig.bundle import File, Service
from nodeconfig.component import Component
from nodeconfig.host_paths import NETFILTER
from nodeconfig.systemd import oneshot_unit
from topology.firewall_rules import FirewallRule, ports_closed_to_pods, rules_for
from topology.model import Role, Topology
from topology.ports import Protocol

_RULES = "/etc/kubewright/firewall.nft"
_UNIT = "kubewright-firewall.service"
# Protocols are numbers, because a host may not have /etc/protocols.
_ICMP, _ICMP6, _VRRP = 1, 58, 112
_ACCEPTED_PORTS = re.compile(r"^\s*(?:ip6? saddr (\S+) )?((?:tcp|udp) dport \S+) accept", re.MULTILINE)


def component(topology: Topology, roles: Iterable[Role], pool: str = "") -> Component:
    """Return the packet filter of a host with these roles, for a node with its pool."""
    nft = f"{NETFILTER}/nft"
    unit = oneshot_unit(
        _UNIT,
        "Kubewright's packet filter",
        start=f"{nft} -f {_RULES}",
        stop=f"{nft} delete table inet kubewright",
        before="network-pre.target",
    )
    return Component(
        files=(File(_RULES, ruleset(topology, roles, pool), mode=0o600), unit),
        artifacts=(("netfilter", NETFILTER),),
        # The table is replaced in one transaction: a reload never leaves the host open or closed.
        services=(Service(_UNIT, restart_on=(_RULES,), reload=True),),
    )


def ruleset(topology: Topology, roles: Iterable[Role], pool: str = "") -> str:
    """Return an nftables file that replaces table `inet kubewright` in one transaction, for these roles and
    the pool of a node.
    """
    own_roles = frozenset(roles)
    lines = ["table inet kubewright", "delete table inet kubewright", "table inet kubewright {"]
    rules = rules_for(topology, own_roles, (pool,))
    lines += _chain("input", "drop", _input_statements(topology, own_roles, rules))
    if Role.NODE in own_roles:
        lines += _chain("forward", "accept", _forward_statements(topology))
    limited = _host_port_statements(topology, rules)
    if limited:
        lines += _chain("prerouting", "accept", limited, priority="dstnat - 10")
    return "\n".join([*lines, "}"]) + "\n"


def _chain(hook: str, policy: str, statements: Iterable[str], *, priority: str = "filter") -> list[str]:
    """Return the lines of the chain of a hook. Its statements see no packets of known connections."""
    lines = (
        f"type filter hook {hook} priority {priority}; policy {policy};",
        "ct state established,related accept",
        *statements,
    )
    return [f"  chain {hook} {{", *(f"    {line}" for line in lines), "  }"]


def _input_statements(topology: Topology, roles: frozenset[Role], rules: Iterable[FirewallRule]) -> list[str]:
    pods = topology.network.pods
    closed = ports_closed_to_pods(topology) if Role.NODE in roles else ()
    return [
        "ct state invalid drop",
        'iifname "lo" accept',
        f"meta l4proto {_ICMP6} accept",
        # A setting can close port 53 of machines to pods, but not that of their DNS cache.
        *(line for rule in rules if rule.destination for line in _accept_statements(rule)),
        *(f"ip saddr {pods} {_match_expression(rule)} drop {_not_for_pods(rule)}" for rule in closed),
        *(line for rule in rules if not rule.destination for line in _accept_statements(rule)),
    ]


def _forward_statements(topology: Topology) -> list[str]:
    """Return the statements for packets from and to the pods of a node.

    They drop packets and accept none: network policies and kube-proxy decide about all others. Without
    kube-proxy, Cilium rewrites the packets of node ports before the kernel tracks them. They look like
    packets that clients send to pods, so the last statement is missing.
    """
    network = topology.network
    inside = ", ".join(map(str, collapse_addresses((*network.machines, network.pods))))
    closed = [
        f"ip saddr {network.pods} ip daddr {machines} {_match_expression(rule)} drop {_not_for_pods(rule)}"
        for rule in ports_closed_to_pods(topology)
        for machines in rule.networks
    ]
    services = (
        f"ct original ip daddr {network.services} ip saddr != {{ {inside} }} drop "
        'comment "services, only for machines and pods"'
    )
    if not network.has_kube_proxy:
        return [*closed, services]
    return [
        *closed,
        services,
        # kube-proxy rewrites the packets of node ports and load balancers before this chain.
        "ct status dnat accept",
        f'ip daddr {network.pods} ip saddr != {{ {inside} }} drop comment "pods, only for machines and pods"',
    ]


def _host_port_statements(topology: Topology, rules: Iterable[FirewallRule]) -> list[str]:
    """Return the statements that limit the sources of ports of add-ons.

    A pod has these ports as host ports. The CNI plugin portmap sends their packets to the pod, so that they
    pass the chain `input` only while the node has no such pod.
    """
    names = {port.name for port in topology.network.open_ports if port.of_add_on}
    limited = [rule for rule in rules if rule.setting in names]
    return [
        f"fib daddr type local ip saddr != {{ {', '.join(map(str, rule.networks))} }} "
        f'{_match_expression(rule)} drop comment "{_comment(rule)}"'
        for rule in limited
        if all(network.prefixlen for network in rule.networks)
    ]


def accepted_ports(text: str) -> list[tuple[str, str]]:
    """Return a pair for each line of a ruleset or delivered script that accepts packets to a port.

    A pair has the source range, or "" for any source, and the protocol with ports, e.g. `tcp dport 22`.
    """
    ports: list[tuple[str, str]] = _ACCEPTED_PORTS.findall(text)
    return ports


def _accept_statements(rule: FirewallRule) -> list[str]:
    """Return the nftables statements that accept the packets of a rule.

    Each network has its own line, so that an added network is one added line.
    """
    match = _match_expression(rule)
    comment = _comment(rule)
    networks = [network for network in rule.networks if network.prefixlen > 0]
    if len(networks) < len(rule.networks):
        return [f'{match} accept comment "{comment}"']
    return [f'ip saddr {network} {match} accept comment "{comment}"' for network in networks]


def _comment(rule: FirewallRule) -> str:
    return rule.purpose.replace('"', "'")


def _not_for_pods(rule: FirewallRule) -> str:
    return f'comment "{_comment(rule)}, not for pods"'


def _match_expression(rule: FirewallRule) -> str:
    match rule.protocol:
        case Protocol.ICMP:
            return f"meta l4proto {_ICMP}"
        case Protocol.VRRP:
            return f"meta l4proto {_VRRP}"
        case _:
            ports = str(rule.first) if rule.first == rule.last else f"{rule.first}-{rule.last}"
            address = f"ip daddr {rule.destination} " if rule.destination else ""
            return f"{address}{rule.protocol} dport {ports}"
