"""Security groups from the port policy table [A5]: one for each kind of machine, one for the balancer.

Machines are in private subnets. What the table opens to anyone is open there to the virtual network
alone: whatever balances a service to the world opens its own way (the cloud controller adds rules to
the workers' group, which is why those are resources of their own). Pods never show themselves: their
packets carry their node's address between nodes, in vxlan or masqueraded.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network, collapse_addresses

from pulumi import ComponentResource, Input, Output, ResourceOptions
from pulumi_aws import ec2, vpc

from providers.aws.names import Names
from providers.aws.network import Place
from topology.model import Role, Topology
from topology.ports import Protocol, rules_for

CONTROL_PLANE, ETCD, WORKERS, BALANCER = "control-plane", "etcd", "workers", "balancer"
_EVERYWHERE = "0.0.0.0/0"


@dataclass(frozen=True, slots=True)
class Opening:
    """One rule of a group: these networks may reach ports `first` to `last` (-1: of all ICMP)."""

    networks: tuple[IPv4Network, ...]
    protocol: str
    first: int
    last: int
    why: str


def openings(topology: Topology, roles: Iterable[Role]) -> tuple[Opening, ...]:
    """What machines with these roles let in, within the virtual network."""
    found = []
    for rule in rules_for(topology, roles):
        networks = tuple(_inside(rule.networks, topology.network.machines))
        if networks and rule.protocol is not Protocol.VRRP:
            ports = (-1, -1) if rule.protocol is Protocol.ICMP else (rule.first, rule.last)
            found.append(Opening(networks, rule.protocol.value, *ports, rule.why))
    return tuple(found)


def _inside(networks: Iterable[IPv4Network], machines: Iterable[IPv4Network]) -> Iterator[IPv4Network]:
    """The parts of the networks that are in those of the machines."""
    within = tuple(machines)
    parts = []
    for network in networks:
        for home in within:
            if network.subnet_of(home):
                parts.append(network)
            elif home.subnet_of(network):
                parts.append(home)
    yield from collapse_addresses(parts)


@dataclass(frozen=True, kw_only=True)
class FirewallArgs:
    """`place` is where the groups are made."""

    names: Names
    topology: Topology
    place: Place


class Firewall(ComponentResource):
    """The groups, by kind of machine: `control-plane`, `etcd` (hosts of its own), `workers`, `balancer`."""

    def __init__(self, name: str, args: FirewallArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("kubewright:aws:Firewall", name, None, opts)
        self._name, self._args = name, args
        self._child = ResourceOptions(parent=self)
        topology = args.topology
        own_etcd = {machine.name for machine in topology.machines if Role.CONTROL_PLANE not in machine.roles}
        balancer = self._balancer()
        api = ec2.SecurityGroupIngressArgs(
            protocol="tcp",
            from_port=6443,
            to_port=6443,
            security_groups=[balancer],
            description="Kubernetes API, balanced",
        )
        self._groups: dict[str, Output[str]] = {
            BALANCER: balancer,
            CONTROL_PLANE: self._members(
                CONTROL_PLANE,
                {
                    role
                    for machine in topology.machines
                    for role in machine.roles
                    if machine.name not in own_etcd
                },
                [api],
            ),
            WORKERS: self._workers(),
        }
        if own_etcd:
            self._groups[ETCD] = self._members(ETCD, {Role.ETCD}, [])
        self.register_outputs({})

    def __getitem__(self, kind: str) -> Output[str]:
        """The id of that kind's group. Raises KeyError for a kind that the cluster has not."""
        return self._groups[kind]

    def _balancer(self) -> Output[str]:
        """Who may reach the API is decided here; nodes reach it by NAT where the balancer is public."""
        network = self._args.topology.network
        allowed = [str(net) for net in collapse_addresses((*network.api_allowed, *network.machines))]
        leaving: list[Input[str]] = [Output.concat(address, "/32") for address in self._args.place.leaving]
        port = self._args.topology.endpoint.port
        group = ec2.SecurityGroup(
            f"{self._name}-{BALANCER}",
            name=self._args.names.name(BALANCER),
            description="Who may reach the Kubernetes API",
            vpc_id=self._args.place.vpc,
            ingress=[
                ec2.SecurityGroupIngressArgs(
                    protocol="tcp",
                    from_port=port,
                    to_port=port,
                    cidr_blocks=[*allowed, *leaving],
                    description="Kubernetes API",
                )
            ],
            egress=[
                ec2.SecurityGroupEgressArgs(
                    protocol="tcp",
                    from_port=6443,
                    to_port=6443,
                    cidr_blocks=[str(net) for net in network.machines],
                    description="API servers",
                )
            ],
            tags=self._args.names.tagged(BALANCER),
            opts=self._child,
        )
        return group.id

    def _members(
        self, kind: str, roles: Iterable[Role], more: Iterable[ec2.SecurityGroupIngressArgs]
    ) -> Output[str]:
        ingress = [
            ec2.SecurityGroupIngressArgs(
                protocol=opening.protocol,
                from_port=opening.first,
                to_port=opening.last,
                cidr_blocks=[str(network) for network in opening.networks],
                description=opening.why,
            )
            for opening in openings(self._args.topology, roles)
        ]
        group = ec2.SecurityGroup(
            f"{self._name}-{kind}",
            name=self._args.names.name(kind),
            description=f"Machines: {kind}",
            vpc_id=self._args.place.vpc,
            ingress=[*ingress, *more],
            egress=[
                ec2.SecurityGroupEgressArgs(
                    protocol="-1", from_port=0, to_port=0, cidr_blocks=[_EVERYWHERE], description="Everything"
                )
            ],
            tags=self._args.names.tagged(kind),
            opts=self._child,
        )
        return group.id

    def _workers(self) -> Output[str]:
        """Rules one by one: those that the cloud controller adds for its balancers must stay."""
        names = self._args.names
        group = ec2.SecurityGroup(
            f"{self._name}-{WORKERS}",
            name=names.name(WORKERS),
            description="Machines: workers",
            vpc_id=self._args.place.vpc,
            tags=names.tagged(WORKERS, {names.kubernetes_tag: "owned"}),
            opts=self._child,
        )
        vpc.SecurityGroupEgressRule(
            f"{self._name}-{WORKERS}-out",
            security_group_id=group.id,
            ip_protocol="-1",
            cidr_ipv4=_EVERYWHERE,
            description="Everything",
            tags=names.tagged(f"{WORKERS}-out"),
            opts=self._child,
        )
        for opening in openings(self._args.topology, (Role.NODE,)):
            for network in opening.networks:
                label = _label(opening, network, self._args.topology.network.machines)
                vpc.SecurityGroupIngressRule(
                    f"{self._name}-{WORKERS}-{label}",
                    security_group_id=group.id,
                    ip_protocol=opening.protocol,
                    from_port=opening.first,
                    to_port=opening.last,
                    cidr_ipv4=str(network),
                    description=opening.why,
                    tags=names.tagged(f"{WORKERS}-{label}"),
                    opts=self._child,
                )
        return group.id


def _label(opening: Opening, network: IPv4Network, machines: tuple[IPv4Network, ...]) -> str:
    """A rule's name: its protocol and port, and the source where that is not all machines."""
    ports = "" if opening.first < 0 else f"-{opening.first}"
    source = "" if machines == (network,) else f"-{network}".replace("/", "-")
    return f"{opening.protocol}{ports}{source}"
