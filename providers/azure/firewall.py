"""Network security groups from the port policy [A5]: one for each kind of machine, one resource a rule.

Rules are resources of their own, because the cloud controller adds its own to the workers' group. It
takes priorities from 500 on; ours are below, and the very last refuses what Azure's defaults would let
in from the whole network.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, collapse_addresses

from pulumi import ComponentResource, Output, ResourceOptions
from pulumi_azure_native.network import NetworkSecurityGroup, SecurityRule

from providers.azure.names import Names
from topology.model import Role, Topology
from topology.ports import PORT_TABLE, Protocol, Rule, rules_for

FIRST_PRIORITY = 100
LAST_OWN_PRIORITY = 499
"""The cloud controller's rules begin at 500 (cloud-provider-azure)."""
REFUSE_PRIORITY = 4096
API_PORT = 6443
NODES = "nodes"
"""The group of all pools: the one that the cloud controller is told of."""
_PROTOCOLS = {Protocol.TCP: "Tcp", Protocol.UDP: "Udp", Protocol.ICMP: "Icmp"}
# Azure's name of where its health probes come from (168.63.129.16); nothing else does.
_PROBES = ("AzureLoadBalancer",)
_PLACES = {(row.protocol, row.why): place for place, row in enumerate(PORT_TABLE)}
_REFUSE = ("refuse", "*", ("*",), "*", "what is not in the port policy")


@dataclass(frozen=True, slots=True)
class Opening:
    """One rule of a group: `sources` may reach `ports` ("6443", "30000-32767" or "*")."""

    name: str
    protocol: str
    sources: tuple[str, ...]
    ports: str
    why: str
    priority: int = 0


@dataclass(frozen=True, kw_only=True)
class FirewallArgs:
    """`groups` are the rules of each group, by its name."""

    names: Names
    groups: Mapping[str, Sequence[Opening]]


class Firewall(ComponentResource):
    """The security groups; `ids` by the group's name."""

    ids: Mapping[str, Output[str]]

    def __init__(self, name: str, args: FirewallArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("kubewright:azure:Firewall", name, None, opts)
        self._name, self._names = name, args.names
        self.ids = {group: self._group(group, rules) for group, rules in args.groups.items()}
        self.register_outputs({})

    def _group(self, group: str, rules: Sequence[Opening]) -> Output[str]:
        made = NetworkSecurityGroup(
            f"{self._name}-{group}",
            resource_group_name=self._names.group,
            network_security_group_name=group,
            location=self._names.location,
            tags=self._names.tagged(),
            opts=ResourceOptions(parent=self),
        )
        for rule in rules:
            self._rule(group, made, rule, "Allow")
        self._rule(group, made, Opening(*_REFUSE, REFUSE_PRIORITY), "Deny")
        return made.id

    def _rule(self, group: str, of: NetworkSecurityGroup, rule: Opening, access: str) -> None:
        single = rule.sources[0] if len(rule.sources) == 1 else None
        SecurityRule(
            f"{self._name}-{group}-{rule.name}",
            resource_group_name=self._names.group,
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
            opts=ResourceOptions(parent=self),
        )


def groups(topology: Topology) -> dict[str, tuple[Opening, ...]]:
    """The rules of every group that the cluster needs, by name: one a kind of member, one for all pools."""
    found = {group_of(machine.roles): openings(topology, machine.roles) for machine in topology.machines}
    if any(pool.capacity for pool in topology.pools):
        found[NODES] = openings(topology, (Role.NODE,))
    return found


def group_of(roles: Iterable[Role]) -> str:
    """The group of a machine with these roles."""
    wanted = frozenset(roles)
    return "control-plane" if Role.CONTROL_PLANE in wanted else "etcd" if Role.ETCD in wanted else NODES


def openings(topology: Topology, roles: Iterable[Role]) -> tuple[Opening, ...]:
    """What a machine with these roles lets in.

    A rule's priority is its row's place in the policy: one rule more moves no other. Azure refuses two
    rules of one priority even for a moment, and rules change side by side.

    Who reaches the API from elsewhere is the configuration's to say. Whatever else the policy opens to
    anyone is opened to machines and pods: no machine has an address in the world.
    """
    wanted = tuple(roles)
    found = [
        Opening(
            name=f"{rule.protocol}-{rule.first}" if rule.first else str(rule.protocol),
            protocol=_PROTOCOLS[rule.protocol],
            sources=tuple(map(str, _sources(topology, rule))),
            ports=_ports(rule),
            why=rule.why,
            priority=_priority(rule),
        )
        for rule in rules_for(topology, wanted)
        if rule.protocol in _PROTOCOLS and _sources(topology, rule)
    ]
    if Role.CONTROL_PLANE in wanted:
        why = "the API balancer's health probes"
        found.append(Opening("probes", "Tcp", _PROBES, str(API_PORT), why, LAST_OWN_PRIORITY))
    elif Role.NODE in wanted:
        why = "health probes of services' balancers"
        found.append(Opening("probes", "Tcp", _PROBES, "*", why, LAST_OWN_PRIORITY))
    return tuple(found)


def _priority(rule: Rule) -> int:
    return FIRST_PRIORITY + 10 * _PLACES[rule.protocol, rule.why]


def _sources(topology: Topology, rule: Rule) -> tuple[IPv4Network, ...]:
    inside = (*topology.network.machines, topology.network.pods)
    # Probes have a rule of their own, by Azure's name of them.
    asked = [network for network in rule.networks if network not in topology.network.probes]
    if rule.first == API_PORT and rule.protocol is Protocol.TCP:
        return tuple(asked)
    own = [network for network in asked if any(network.subnet_of(one) for one in inside)]
    anyone = any(network.prefixlen == 0 for network in asked)
    return tuple(collapse_addresses((*own, *(inside if anyone else ()))))


def _ports(rule: Rule) -> str:
    if not rule.first:
        return "*"
    return str(rule.first) if rule.first == rule.last else f"{rule.first}-{rule.last}"
