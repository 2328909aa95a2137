"""Network security groups from the port table (`topology.ports`) [A5]: one for each kind of machine.

Each rule is a separate resource, because the cloud controller adds rules to the group of workers. The cloud
controller uses priorities from 500; rules of Kubewright have lower numbers. The last rule denies what the
default rules of Azure would allow from the whole network.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, collapse_addresses
from zlib import crc32

from pulumi import ComponentResource, Output, ResourceOptions
from pulumi_azure_native.network import NetworkSecurityGroup, SecurityRule

from providers.azure.names import Names
from topology.firewall_rules import FirewallRule, rules_for
from topology.model import Role, Topology
from topology.ports import API_PORT, PORT_TABLE, Protocol

FIRST_PRIORITY = 100
_PRIORITY_STEP = 10
_ROWS_IN_STEPS = 20
"""The first rows of the port table take each tenth priority, the others the fifth ones between them."""
FIRST_SETTING_PRIORITY = 300
"""Rules of the port table have lower numbers: a new row changes no rule of a setting."""
LAST_PRIORITY = 499
"""Rules of the cloud controller begin at 500 (cloud-provider-azure)."""
DENY_PRIORITY = 4096
NODES = "nodes"
"""The name of the security group of all pools, which the configuration of the cloud controller contains."""
_PROTOCOLS = {Protocol.TCP: "Tcp", Protocol.UDP: "Udp", Protocol.ICMP: "Icmp"}
# The service tag of Azure's health probes (168.63.129.16).
_PROBES = ("AzureLoadBalancer",)
_ROW_NUMBERS = {(row.protocol, row.purpose): number for number, row in enumerate(PORT_TABLE)}
_DENY_ALL = ("refuse", "*", ("*",), "*", "what is not in the port policy")


@dataclass(frozen=True, slots=True)
class IngressRule:
    """One rule of a network security group: `sources` may reach `ports` ("6443", "30000-32767" or "*")."""

    name: str
    protocol: str
    sources: tuple[str, ...]
    ports: str
    description: str
    priority: int = 0


@dataclass(frozen=True, kw_only=True)
class FirewallArgs:
    """Arguments of the security groups. `rules_by_group` are the rules of each group by its name."""

    names: Names
    rules_by_group: Mapping[str, Sequence[IngressRule]]


class Firewall(ComponentResource):
    """The network security groups of the cluster. `ids` are their ids by name."""

    ids: Mapping[str, Output[str]]

    def __init__(self, name: str, args: FirewallArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("kubewright:azure:Firewall", name, None, opts)
        self._name, self._names = name, args.names
        self.ids = {group: self._create_group(group, rules) for group, rules in args.rules_by_group.items()}
        self.register_outputs({})

    def _create_group(self, group: str, rules: Sequence[IngressRule]) -> Output[str]:
        security_group = NetworkSecurityGroup(
            f"{self._name}-{group}",
            resource_group_name=self._names.resource_group,
            network_security_group_name=group,
            location=self._names.location,
            tags=self._names.resource_tags(),
            opts=ResourceOptions(parent=self),
        )
        for rule in rules:
            self._create_rule(group, security_group, rule, "Allow")
        self._create_rule(group, security_group, IngressRule(*_DENY_ALL, DENY_PRIORITY), "Deny")
        return security_group.id

    def _create_rule(
        self, group: str, security_group: NetworkSecurityGroup, rule: IngressRule, access: str
    ) -> None:
        single = rule.sources[0] if len(rule.sources) == 1 else None
        SecurityRule(
            f"{self._name}-{group}-{rule.name}",
            resource_group_name=self._names.resource_group,
            network_security_group_name=security_group.name,
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
            description=rule.description,
            opts=ResourceOptions(parent=self),
        )


def rules_by_group(topology: Topology) -> dict[str, tuple[IngressRule, ...]]:
    """Return the rules of every security group by its name: one per kind of member, one for pools."""
    rules = {
        group_name(machine.roles): ingress_rules(topology, machine.roles) for machine in topology.machines
    }
    if any(pool.capacity for pool in topology.pools):
        # All pools share the group, and the packet filter of a node has the ports of its own pool.
        rules[NODES] = ingress_rules(topology, (Role.NODE,), [pool.name for pool in topology.pools])
    return rules


def group_name(roles: Iterable[Role]) -> str:
    """Return the name of the security group of a machine with these roles."""
    machine_roles = frozenset(roles)
    if Role.CONTROL_PLANE in machine_roles:
        return "control-plane"
    return "etcd" if Role.ETCD in machine_roles else NODES


def ingress_rules(
    topology: Topology, roles: Iterable[Role], pools: Iterable[str] = ()
) -> tuple[IngressRule, ...]:
    """Return the security rules of a machine with these roles in these pools.

    The priority of a rule is the number of its row in the port table, so that a new row at the end changes no
    other rule. Otherwise an update would give two rules the same priority for a moment, which Azure rejects.

    Settings limit the sources of the API. Other ports that the table opens to all sources are open to
    machines and pods only, because no machine has a public address. Rules with a destination are omitted,
    because packets to this address do not leave their machine.
    """
    machine_roles = tuple(roles)
    priorities = _setting_priorities(topology)
    rules = [
        IngressRule(
            name=f"{rule.protocol}-{rule.first}" if rule.first else str(rule.protocol),
            protocol=_PROTOCOLS[rule.protocol],
            sources=tuple(map(str, _rule_sources(topology, rule))),
            ports=_port_range(rule),
            description=rule.purpose,
            priority=priorities[rule.setting] if rule.setting else _rule_priority(rule),
        )
        for rule in rules_for(topology, machine_roles, pools)
        if rule.protocol in _PROTOCOLS and not rule.destination and _rule_sources(topology, rule)
    ]
    if Role.CONTROL_PLANE in machine_roles:
        description = "the API balancer's health probes"
        rules.append(IngressRule("probes", "Tcp", _PROBES, str(API_PORT), description, LAST_PRIORITY))
    elif Role.NODE in machine_roles:
        description = "health probes of services' balancers"
        rules.append(IngressRule("probes", "Tcp", _PROBES, "*", description, LAST_PRIORITY))
    return tuple(rules)


def _rule_priority(rule: FirewallRule) -> int:
    return row_priority(_ROW_NUMBERS[rule.protocol, rule.purpose])


def row_priority(number: int) -> int:
    """Return the priority of the rules of a row of the port table. `number` counts from 0."""
    half_steps, place = divmod(number, _ROWS_IN_STEPS)
    return FIRST_PRIORITY + _PRIORITY_STEP * place + _PRIORITY_STEP // 2 * half_steps


def _setting_priorities(topology: Topology) -> dict[str, int]:
    """Return the priority of each port of the settings by its name.

    It follows from the name, so that the addition or removal of a port rarely changes another one.
    """
    first, places = FIRST_SETTING_PRIORITY, LAST_PRIORITY - FIRST_SETTING_PRIORITY
    priorities: dict[str, int] = {}
    for name in sorted(port.name for port in topology.network.open_ports):
        place = crc32(name.encode()) % places
        while first + place in priorities.values():
            place = (place + 1) % places
        priorities[name] = first + place
    return priorities


def _rule_sources(topology: Topology, rule: FirewallRule) -> tuple[IPv4Network, ...]:
    if rule.setting:
        return rule.networks
    internal = (*topology.network.machines, topology.network.pods)
    # Health probes have a separate rule with a service tag.
    sources = [network for network in rule.networks if network not in topology.network.probe_sources]
    if rule.first == API_PORT and rule.protocol is Protocol.TCP:
        return tuple(sources)
    internal_sources = [source for source in sources if any(map(source.subnet_of, internal))]
    any_source = any(source.prefixlen == 0 for source in sources)
    return tuple(collapse_addresses((*internal_sources, *(internal if any_source else ()))))


def _port_range(rule: FirewallRule) -> str:
    if not rule.first:
        return "*"
    return str(rule.first) if rule.first == rule.last else f"{rule.first}-{rule.last}"
