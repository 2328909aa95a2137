"""Component of the packet filter [A5]: one nftables table, generated from the port table, replaced as a
whole.

The table filters packets to the host. Forwarded packets belong to pods, and network policies filter those.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from nodeconfig.bundle import File, Service
from nodeconfig.component import Component
from nodeconfig.host_paths import NETFILTER
from nodeconfig.systemd import oneshot_unit
from topology.firewall_rules import FirewallRule, rules_for
from topology.model import Role, Topology
from topology.ports import Protocol

_RULES = "/etc/kubewright/firewall.nft"
_UNIT = "kubewright-firewall.service"
# Protocols are numbers, because a host may not have /etc/protocols.
_ICMP, _ICMP6, _VRRP = 1, 58, 112
_ACCEPTED_PORTS = re.compile(r"^\s*(?:ip6? saddr (\S+) )?((?:tcp|udp) dport \S+) accept", re.MULTILINE)


def component(topology: Topology, roles: Iterable[Role]) -> Component:
    """Return the packet filter of a host with these roles."""
    nft = f"{NETFILTER}/nft"
    unit = oneshot_unit(
        _UNIT,
        "Kubewright's packet filter",
        start=f"{nft} -f {_RULES}",
        stop=f"{nft} delete table inet kubewright",
        before="network-pre.target",
    )
    return Component(
        files=(File(_RULES, ruleset(rules_for(topology, roles)), mode=0o600), unit),
        artifacts=(("netfilter", NETFILTER),),
        # The table is replaced in one transaction: a reload never leaves the host open or closed.
        services=(Service(_UNIT, restart_on=(_RULES,), reload=True),),
    )


def ruleset(rules: Iterable[FirewallRule]) -> str:
    """Return the rules as an nftables file that replaces table `inet kubewright` in one transaction."""
    lines = [
        "table inet kubewright",
        "delete table inet kubewright",
        "table inet kubewright {",
        "  chain input {",
        "    type filter hook input priority filter; policy drop;",
        "    ct state established,related accept",
        "    ct state invalid drop",
        '    iifname "lo" accept',
        f"    meta l4proto {_ICMP6} accept",
        *(f"    {line}" for rule in rules for line in _accept_statements(rule)),
        "  }",
        "}",
    ]
    return "\n".join(lines) + "\n"


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
    comment = rule.purpose.replace('"', "'")
    networks = [network for network in rule.networks if network.prefixlen > 0]
    if len(networks) < len(rule.networks):
        return [f'{match} accept comment "{comment}"']
    return [f'ip saddr {network} {match} accept comment "{comment}"' for network in networks]


def _match_expression(rule: FirewallRule) -> str:
    match rule.protocol:
        case Protocol.ICMP:
            return f"meta l4proto {_ICMP}"
        case Protocol.VRRP:
            return f"meta l4proto {_VRRP}"
        case _:
            ports = str(rule.first) if rule.first == rule.last else f"{rule.first}-{rule.last}"
            return f"{rule.protocol} dport {ports}"
