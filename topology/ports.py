"""The port table [A5]: the source of nftables rules, security groups and the printed table.

The sources of workers are the networks of machines instead of single hosts, so that an additional worker does
not change the rules of other hosts. Hosts refuse all other new connections and accept replies to connections
that they open.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Network, collapse_addresses

from topology.model import Backend, Member, Role, Topology


class Source(StrEnum):
    """The source of a connection."""

    ANYONE = "anyone"
    ANYONE_ALLOWED_TO_THE_API = "anyone-allowed-to-the-api"
    ADMINISTRATORS = "administrators"
    MACHINES = "machines"
    ETCD = "etcd"
    CONTROL_PLANE = "control-plane"
    LOAD_BALANCER = "load-balancer"
    PODS = "pods"
    PROBES = "probes"


class Protocol(StrEnum):
    """The protocol of a connection. ICMP and VRRP have no ports."""

    TCP = "tcp"
    UDP = "udp"
    ICMP = "icmp"
    VRRP = "vrrp"


NODE_PORT_RANGE = (-1, -1)
"""Placeholder in the table for the node port range, which `rules_for` replaces."""
ENDPOINT_PORT = (-2, -2)
"""Placeholder in the table for the port of the endpoint."""
SSH_PORTS = (-3, -3)
"""Placeholder in the table for the ports of sshd on the machines."""
NO_PORTS = (0, 0)

SSH_PORT = 22
ETCD_CLIENT_PORT = 2379
ETCD_PEER_PORT = 2380
ETCD_METRICS_PORT = 2381
API_PORT = 6443
"""Port of every API server; the endpoint may have another port."""
LOAD_BALANCER_HEALTH_PORT = 6444
"""Port of the health check of a load balancer, on loopback."""
CSR_APPROVER_METRICS_PORT = 8181
CSR_APPROVER_HEALTH_PORT = 8182
VXLAN_PORT = 8472
CLOUD_WEBHOOK_PORT = 9443
KUBELET_HEALTH_PORT = 10248
PROXY_METRICS_PORT = 10249
KUBELET_PORT = 10250
PROXY_HEALTH_PORT = 10256
CONTROLLER_MANAGER_PORT = 10257
SCHEDULER_PORT = 10259
CLOUD_NODE_HEALTH_PORT = 10290
"""Port on loopback where a node answers the health check of its cloud."""

_EVERY_ROLE = tuple(Role)


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table: hosts with one of the roles accept connections from the sources to the ports."""

    sources: tuple[Source, ...]
    roles: tuple[Role, ...]
    protocol: Protocol
    ports: tuple[int, int]
    why: str
    backend: Backend | None = None
    """The row is needed only with this backend; None: with every backend."""
    balanced: bool | None = None
    """The row is needed only with (True) or without (False) `load_balancers`; None: in both cases."""
    in_a_cloud: bool = False
    """The row is needed only if controllers of a cloud use the host network of control planes."""


PORT_TABLE: tuple[Row, ...] = (
    Row((Source.ADMINISTRATORS,), _EVERY_ROLE, Protocol.TCP, SSH_PORTS, "SSH: deployment"),
    Row((Source.ANYONE,), _EVERY_ROLE, Protocol.ICMP, NO_PORTS, "path MTU, reachability"),
    Row(
        (Source.ANYONE_ALLOWED_TO_THE_API, Source.MACHINES, Source.PODS, Source.PROBES),
        (Role.CONTROL_PLANE,),
        Protocol.TCP,
        (API_PORT, API_PORT),
        "Kubernetes API",
        balanced=False,
    ),
    Row(
        # The load balancers restrict the access to the API; pods use the service `kubernetes`.
        (Source.LOAD_BALANCER, Source.MACHINES, Source.PODS),
        (Role.CONTROL_PLANE,),
        Protocol.TCP,
        (API_PORT, API_PORT),
        "Kubernetes API",
        balanced=True,
    ),
    Row(
        (Source.ANYONE_ALLOWED_TO_THE_API, Source.MACHINES, Source.PODS),
        (Role.LOAD_BALANCER,),
        Protocol.TCP,
        ENDPOINT_PORT,
        "Kubernetes API, balanced",
    ),
    Row(
        (Source.LOAD_BALANCER,),
        (Role.LOAD_BALANCER,),
        Protocol.VRRP,
        NO_PORTS,
        "keepalived: the virtual address",
    ),
    Row(
        # API servers of all control planes call the webhook of the load balancer controller of a cloud.
        (Source.CONTROL_PLANE,),
        (Role.CONTROL_PLANE,),
        Protocol.TCP,
        (CLOUD_WEBHOOK_PORT, CLOUD_WEBHOOK_PORT),
        "webhooks of a cloud's controllers",
        in_a_cloud=True,
    ),
    Row(
        (Source.CONTROL_PLANE, Source.ETCD),
        (Role.ETCD,),
        Protocol.TCP,
        (ETCD_CLIENT_PORT, ETCD_CLIENT_PORT),
        "etcd clients",
    ),
    Row((Source.ETCD,), (Role.ETCD,), Protocol.TCP, (ETCD_PEER_PORT, ETCD_PEER_PORT), "etcd peers"),
    Row(
        (Source.CONTROL_PLANE, Source.MACHINES, Source.PODS),
        (Role.NODE,),
        Protocol.TCP,
        (KUBELET_PORT, KUBELET_PORT),
        "kubelet: logs, exec, metrics",
    ),
    Row(
        (Source.MACHINES,),
        (Role.NODE,),
        Protocol.TCP,
        (PROXY_HEALTH_PORT, PROXY_HEALTH_PORT),
        "kube-proxy: health of balanced services",
    ),
    Row(
        (Source.MACHINES,),
        (Role.NODE,),
        Protocol.UDP,
        (VXLAN_PORT, VXLAN_PORT),
        "flannel vxlan",
        Backend.VXLAN,
    ),
    Row((Source.ANYONE,), (Role.NODE,), Protocol.TCP, NODE_PORT_RANGE, "services of type NodePort"),
    Row((Source.ANYONE,), (Role.NODE,), Protocol.UDP, NODE_PORT_RANGE, "services of type NodePort"),
)

CLUSTER_PORTS = {
    SSH_PORT: "sshd",
    ETCD_CLIENT_PORT: "etcd clients",
    ETCD_PEER_PORT: "etcd peers",
    ETCD_METRICS_PORT: "etcd metrics",
    API_PORT: "kube-apiserver",
    LOAD_BALANCER_HEALTH_PORT: "haproxy health",
    CSR_APPROVER_METRICS_PORT: "kubelet-csr-approver metrics",
    CSR_APPROVER_HEALTH_PORT: "kubelet-csr-approver health",
    VXLAN_PORT: "flannel vxlan",
    CLOUD_WEBHOOK_PORT: "webhooks of a cloud's controllers",
    KUBELET_HEALTH_PORT: "kubelet health",
    PROXY_METRICS_PORT: "kube-proxy metrics",
    KUBELET_PORT: "kubelet",
    PROXY_HEALTH_PORT: "kube-proxy health",
    CONTROLLER_MANAGER_PORT: "kube-controller-manager",
    SCHEDULER_PORT: "kube-scheduler",
    CLOUD_NODE_HEALTH_PORT: "health of a node for its cloud",
}
"""All ports of cluster components, including ports on loopback. Services must not get these ports."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A row for one cluster: hosts accept connections from `networks` to the ports `first` to `last`.

    Both ports are 0 for protocols without ports.
    """

    networks: tuple[IPv4Network, ...]
    protocol: Protocol
    first: int
    last: int
    why: str


def rules_for(topology: Topology, roles: Iterable[Role]) -> tuple[Rule, ...]:
    """Return the rules of a host with these roles, in the order of the table.

    Rows whose sources have no networks are omitted.
    """
    wanted = frozenset(roles)
    rules = []
    for row in PORT_TABLE:
        if not wanted.intersection(row.roles) or not _applies(topology, row):
            continue
        networks = _networks(topology, row.sources)
        if networks:
            rules += [Rule(networks, row.protocol, *ports, row.why) for ports in _ports(topology, row)]
    return tuple(rules)


def port_table(topology: Topology) -> str:
    """Return the port table of a cluster as text, with a line for each row that applies."""
    present = {role for machine in topology.machines for role in machine.roles}
    lines = [_line("FROM", "TO", "PORT", "WHY", "NETWORKS")]
    for row in PORT_TABLE:
        roles = [role for role in row.roles if role in present]
        if not roles or not _applies(topology, row) or not _ports(topology, row):
            continue
        sources = [source for source in row.sources if _source(topology, source)]
        numbers = ", ".join(_range(first, last) for first, last in _ports(topology, row))
        ports = f"{row.protocol} {numbers}".rstrip()
        networks = ", ".join(map(str, _networks(topology, row.sources)))
        to = "all" if set(roles) == present else ", ".join(roles)
        lines.append(_line(", ".join(sources), to, ports, row.why, networks))
    return "\n".join(lines) + "\n"


def _applies(topology: Topology, row: Row) -> bool:
    if row.in_a_cloud and not topology.external_cloud:
        return False
    balanced = bool(topology.load_balancers)
    return row.backend in (None, topology.network.backend) and row.balanced in (None, balanced)


def _line(source: str, to: str, ports: str, why: str, networks: str) -> str:
    return f"{source:<42} {to:<14} {ports:<16} {why:<40} {networks}".rstrip()


def _range(first: int, last: int) -> str:
    if first == last:
        return str(first or "")
    return f"{first}-{last}"


def _ports(topology: Topology, row: Row) -> tuple[tuple[int, int], ...]:
    """Return the port ranges of a row. Placeholders are replaced by the ports of the cluster."""
    if row.ports == NODE_PORT_RANGE:
        return (topology.network.node_ports,)
    if row.ports == ENDPOINT_PORT:
        return ((topology.endpoint.port, topology.endpoint.port),)
    if row.ports == SSH_PORTS:
        return tuple((port, port) for port in topology.network.ssh_ports)
    return (row.ports,)


def _networks(topology: Topology, sources: tuple[Source, ...]) -> tuple[IPv4Network, ...]:
    """Return the sorted and merged networks of the sources; nftables refuses overlapping networks."""
    return tuple(collapse_addresses(network for source in sources for network in _source(topology, source)))


def _source(topology: Topology, source: Source) -> tuple[IPv4Network, ...]:
    network = topology.network
    match source:
        case Source.ANYONE:
            return (IPv4Network("0.0.0.0/0"),)
        case Source.ANYONE_ALLOWED_TO_THE_API:
            return network.api_allowed
        case Source.ADMINISTRATORS:
            # The deployer needs the API as well as SSH; a bastion is one of the machines.
            return (*network.api_allowed, *network.machines)
        case Source.MACHINES:
            return network.machines
        case Source.PODS:
            return (network.pods,)
        case Source.PROBES:
            return network.probes
        case Source.ETCD:
            return _addresses(topology.etcd)
        case Source.CONTROL_PLANE:
            return _addresses(topology.control_planes)
        case Source.LOAD_BALANCER:
            return _addresses(topology.load_balancers)


def _addresses(members: tuple[Member, ...]) -> tuple[IPv4Network, ...]:
    return tuple(IPv4Network(member.address) for member in members)
