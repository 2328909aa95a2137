"""Network security groups from the port policy [A5]: one for each kind of machine, one rule a resource.

Rules are resources of their own, because the cloud controller adds its own to the workers' group. It
takes priorities from 500 on; ours are below, and one at the very end refuses what Azure's defaults would
let in from the whole network.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, collapse_addresses

from pulumi import Output, ResourceOptions
from pulumi_azure_native.network import NetworkSecurityGroup, SecurityRule

from providers.azure.site import Site
from topology.model import Role, Topology
from topology.ports import Protocol, Rule, rules_for

FIRST_PRIORITY = 100
LAST_OWN_PRIORITY = 499
"""The cloud controller begins at 500 (cloud-provider-azure, `LoadBalancerMinimumPriority`)."""
REFUSE_PRIORITY = 4096
API_PORT = 6443
_PROTOCOLS = {Protocol.TCP: "Tcp", Protocol.UDP: "Udp", Protocol.ICMP: "Icmp"}
# The source of every health probe (168.63.129.16), and of nothing else.
_PROBES = "AzureLoadBalancer"


@dataclass(frozen=True, slots=True)
class Opening:
    """One rule of a group: `sources` may reach the ports `ports` ("6443", "30000-32767" or "*")."""

    name: str
    priority: int
    protocol: str
    sources: tuple[str, ...]
    ports: str
    why: str


def openings(topology: Topology, roles: Iterable[Role]) -> tuple[Opening, ...]:
    """What a machine with these roles lets in, in the order of priorities.

    Who may reach the API from anywhere is the configuration's to say; everything else that the table
    opens to anyone is opened to the machines' network and to pods, because the machines have no address in the world.
    """
    wanted = tuple(roles)
    found = [
        Opening(
            name=_name(rule),
            priority=0,
            protocol=_PROTOCOLS[rule.protocol],
            sources=tuple(str(network) for network in _sources(topology, rule)),
            ports=_ports(rule),
            why=rule.why,
        )
        for rule in rules_for(topology, wanted)
        if rule.protocol in _PROTOCOLS
    ]
    if Role.CONTROL_PLANE in wanted:
        found.append(Opening("probes", 0, "Tcp", (_PROBES,), str(API_PORT), "health probes of the API's balancer"))
    if wanted == (Role.NODE,):
        found.append(Opening("probes", 0, "Tcp", (_PROBES,), "*", "health probes of services"))
    return tuple(
        Opening(one.name, FIRST_PRIORITY + 10 * place, one.protocol, one.sources, one.ports, one.why)
        for place, one in enumerate(found)
    )


def group(name: str, site: Site, rules: Sequence[Opening], options: ResourceOptions) -> Output[str]:
    """Makes a security group with these rules and nothing else open; gives its id."""
    made = NetworkSecurityGroup(
        f"firewall-{name}",
        resource_group_name=site.group,
        network_security_group_name=name,
        location=site.location,
        tags=site.tags,
        # Its rules are resources of their own, and the cloud controller's are nobody's here.
        opts=ResourceOptions.merge(options, ResourceOptions(ignore_changes=["securityRules"])),
    )
    for rule in rules:
        _rule(f"firewall-{name}", site, made, rule, "Allow", options)
    refuse = Opening("refuse", REFUSE_PRIORITY, "*", ("*",), "*", "what is not in the table is refused")
    _rule(f"firewall-{name}", site, made, refuse, "Deny", options)
    return made.id


def _rule(
    prefix: str, site: Site, of: NetworkSecurityGroup, rule: Opening, access: str, options: ResourceOptions
) -> None:
    single = rule.sources[0] if len(rule.sources) == 1 else None
    SecurityRule(
        f"{prefix}-{rule.name}",
        resource_group_name=site.group,
        network_security_group_name=of.name,
        security_rule_name=rule.name,
        direction="Inbound",
        access=access,
        priority=rule.priority,
        protocol=rule.protocol,
        source_address_prefix=single,
        source_address_prefixes=None if single else list(rule.sources),
        source_port_range="*",
        destination_address_prefix="*",
        destination_port_range=rule.ports,
        description=rule.why,
        opts=options,
    )


def _sources(topology: Topology, rule: Rule) -> tuple[IPv4Network, ...]:
    inside = (*topology.network.machines, topology.network.pods)
    # Probes have a rule of their own, by the name that Azure gives to where they come from.
    asked = [network for network in rule.networks if network not in topology.network.probes]
    if rule.first == API_PORT and rule.protocol is Protocol.TCP:
        return tuple(asked)
    own = [network for network in asked if any(network.subnet_of(one) for one in inside)]
    world = any(network.prefixlen == 0 for network in asked)
    return tuple(collapse_addresses((*own, *(inside if world else ()))))


def _name(rule: Rule) -> str:
    """Unique in a group, and the same as long as the row is: protocol and port."""
    return f"{rule.protocol}-{rule.first}" if rule.first else str(rule.protocol)


def _ports(rule: Rule) -> str:
    if not rule.first:
        return "*"
    return str(rule.first) if rule.first == rule.last else f"{rule.first}-{rule.last}"
