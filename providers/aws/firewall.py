"""Security groups from the port table (`topology.ports`) [A5]: one for each kind of machine, one for the
API's load balancer.

Machines are in private subnets, so ports that the table opens to all sources are open only to the virtual
network. Load balancers of Services open their own ports: the cloud controller adds rules to the group of
workers, so the rules of that group are separate resources. Packets of pods that go from one node to another
have the address of the sending node, because flannel encapsulates or masquerades them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network, collapse_addresses

from pulumi import ComponentResource, Input, Output, ResourceOptions
from pulumi_aws import ec2, vpc

from providers.aws.names import Names
from providers.aws.network import NetworkReference
from topology.firewall_rules import rules_for
from topology.model import Role, Topology
from topology.ports import API_PORT, Protocol

CONTROL_PLANE, ETCD, WORKERS, LOAD_BALANCER = "control-plane", "etcd", "workers", "balancer"
"""Names of the security groups, after the cluster name."""
_ANY_ADDRESS = "0.0.0.0/0"


@dataclass(frozen=True, slots=True)
class IngressRule:
    """One ingress rule of a security group: `networks` may reach ports `first` to `last` (-1 for ICMP)."""

    networks: tuple[IPv4Network, ...]
    protocol: str
    first: int
    last: int
    description: str


def ingress_rules(
    topology: Topology, roles: Iterable[Role], pools: Iterable[str] = ()
) -> tuple[IngressRule, ...]:
    """Return the ingress rules of machines with these roles in these pools.

    Sources are limited to the virtual network, except for ports that the settings open.
    """
    rules = []
    for rule in rules_for(topology, roles, pools):
        networks = rule.networks
        if not rule.setting:
            networks = tuple(_intersect_networks(networks, topology.network.machines))
        if networks and rule.protocol is not Protocol.VRRP:
            ports = (-1, -1) if rule.protocol is Protocol.ICMP else (rule.first, rule.last)
            rules.append(IngressRule(networks, rule.protocol.value, *ports, rule.purpose))
    return tuple(rules)


def _intersect_networks(
    networks: Iterable[IPv4Network], machines: Iterable[IPv4Network]
) -> Iterator[IPv4Network]:
    """Yield the parts of `networks` that are inside the networks of machines."""
    machine_networks = tuple(machines)
    parts = []
    for network in networks:
        for machine_network in machine_networks:
            if network.subnet_of(machine_network):
                parts.append(network)
            elif machine_network.subnet_of(network):
                parts.append(machine_network)
    yield from collapse_addresses(parts)


@dataclass(frozen=True, kw_only=True)
class FirewallArgs:
    """Arguments of the security groups. `network` is the virtual network in which they are created."""

    names: Names
    topology: Topology
    network: NetworkReference


class Firewall(ComponentResource):
    """The security groups: `control-plane`, `etcd` (separate etcd members), `workers` and `balancer`."""

    def __init__(self, name: str, args: FirewallArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("kubewright:aws:Firewall", name, None, opts)
        self._name, self._args = name, args
        self._child = ResourceOptions(parent=self)
        topology = args.topology
        etcd_only = {machine.name for machine in topology.machines if Role.CONTROL_PLANE not in machine.roles}
        load_balancer = self._create_load_balancer_group()
        api = ec2.SecurityGroupIngressArgs(
            protocol="tcp",
            from_port=API_PORT,
            to_port=API_PORT,
            security_groups=[load_balancer],
            description="Kubernetes API, balanced",
        )
        self._groups: dict[str, Output[str]] = {
            LOAD_BALANCER: load_balancer,
            CONTROL_PLANE: self._create_member_group(
                CONTROL_PLANE,
                {
                    role
                    for machine in topology.machines
                    for role in machine.roles
                    if machine.name not in etcd_only
                },
                [api],
            ),
            WORKERS: self._create_worker_group(),
        }
        if etcd_only:
            self._groups[ETCD] = self._create_member_group(ETCD, {Role.ETCD}, [])
        self.register_outputs({})

    def __getitem__(self, kind: str) -> Output[str]:
        """Return the id of a security group by its name.

        Raise KeyError for a group that the cluster lacks.
        """
        return self._groups[kind]

    def _create_load_balancer_group(self) -> Output[str]:
        """Create the security group of the API's load balancers.

        Clients in the network that resolve the endpoint's name elsewhere than in the private zone reach a
        public load balancer through NAT, so the group also allows the addresses of NAT gateways.
        """
        network = self._args.topology.network
        allowed = [str(net) for net in collapse_addresses((*network.api_allowed, *network.machines))]
        nat: list[Input[str]] = [
            Output.concat(address, "/32") for address in self._args.network.nat_addresses
        ]
        port = self._args.topology.endpoint.port
        group = ec2.SecurityGroup(
            f"{self._name}-{LOAD_BALANCER}",
            name=self._args.names.name(LOAD_BALANCER),
            description="Who may reach the Kubernetes API",
            vpc_id=self._args.network.vpc,
            ingress=[
                ec2.SecurityGroupIngressArgs(
                    protocol="tcp",
                    from_port=port,
                    to_port=port,
                    cidr_blocks=[*allowed, *nat],
                    description="Kubernetes API",
                )
            ],
            egress=[
                ec2.SecurityGroupEgressArgs(
                    protocol="tcp",
                    from_port=API_PORT,
                    to_port=API_PORT,
                    cidr_blocks=[str(net) for net in network.machines],
                    description="API servers",
                )
            ],
            tags=self._args.names.resource_tags(LOAD_BALANCER),
            opts=self._child,
        )
        return group.id

    def _create_member_group(
        self, kind: str, roles: Iterable[Role], extra_rules: Iterable[ec2.SecurityGroupIngressArgs]
    ) -> Output[str]:
        ingress = [
            ec2.SecurityGroupIngressArgs(
                protocol=rule.protocol,
                from_port=rule.first,
                to_port=rule.last,
                cidr_blocks=[str(network) for network in rule.networks],
                description=rule.description,
            )
            for rule in ingress_rules(self._args.topology, roles)
        ]
        group = ec2.SecurityGroup(
            f"{self._name}-{kind}",
            name=self._args.names.name(kind),
            description=f"Machines: {kind}",
            vpc_id=self._args.network.vpc,
            ingress=[*ingress, *extra_rules],
            egress=[
                ec2.SecurityGroupEgressArgs(
                    protocol="-1",
                    from_port=0,
                    to_port=0,
                    cidr_blocks=[_ANY_ADDRESS],
                    description="Everything",
                )
            ],
            tags=self._args.names.resource_tags(kind),
            opts=self._child,
        )
        return group.id

    def _create_worker_group(self) -> Output[str]:
        """Create the security group of workers. Its rules are separate resources, so that Pulumi keeps the
        rules that the cloud controller adds for services.
        """
        names = self._args.names
        group = ec2.SecurityGroup(
            f"{self._name}-{WORKERS}",
            name=names.name(WORKERS),
            description="Machines: workers",
            vpc_id=self._args.network.vpc,
            tags=names.resource_tags(WORKERS, {names.kubernetes_tag: "owned"}),
            opts=self._child,
        )
        vpc.SecurityGroupEgressRule(
            f"{self._name}-{WORKERS}-out",
            security_group_id=group.id,
            ip_protocol="-1",
            cidr_ipv4=_ANY_ADDRESS,
            description="Everything",
            tags=names.resource_tags(f"{WORKERS}-out"),
            opts=self._child,
        )
        # All pools share the group, and the packet filter of a node has the ports of its own pool.
        pools = [pool.name for pool in self._args.topology.pools]
        for rule in ingress_rules(self._args.topology, (Role.NODE,), pools):
            for network in rule.networks:
                label = _rule_name(rule, network, self._args.topology.network.machines)
                vpc.SecurityGroupIngressRule(
                    f"{self._name}-{WORKERS}-{label}",
                    security_group_id=group.id,
                    ip_protocol=rule.protocol,
                    from_port=rule.first,
                    to_port=rule.last,
                    cidr_ipv4=str(network),
                    description=rule.description,
                    tags=names.resource_tags(f"{WORKERS}-{label}"),
                    opts=self._child,
                )
        return group.id


def _rule_name(rule: IngressRule, network: IPv4Network, machines: tuple[IPv4Network, ...]) -> str:
    """Return the name of an ingress rule: protocol, port, and the source unless it is the machine network."""
    ports = "" if rule.first < 0 else f"-{rule.first}"
    source = "" if machines == (network,) else f"-{network}".replace("/", "-")
    return f"{rule.protocol}{ports}{source}"
