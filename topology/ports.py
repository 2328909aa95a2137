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
class PortRow:
    """A row of the port table: hosts with one of the roles accept connections to ports from the sources."""

    sources: tuple[Source, ...]
    roles: tuple[Role, ...]
    protocol: Protocol
    ports: tuple[int, int]
    purpose: str
    backend: Backend | None = None
    """The row is needed only with this backend; None: with every backend."""
    with_load_balancers: bool | None = None
    """The row is needed only with (True) or without (False) `load_balancers`; None: in both cases."""
    with_cloud_controllers: bool = False
    """The row is needed only if controllers of a cloud use the host network of control planes."""


PORT_TABLE: tuple[PortRow, ...] = (
    PortRow((Source.ADMINISTRATORS,), _EVERY_ROLE, Protocol.TCP, SSH_PORTS, "SSH: deployment"),
    PortRow((Source.ANYONE,), _EVERY_ROLE, Protocol.ICMP, NO_PORTS, "path MTU, reachability"),
    PortRow(
        (Source.ANYONE_ALLOWED_TO_THE_API, Source.MACHINES, Source.PODS, Source.PROBES),
        (Role.CONTROL_PLANE,),
        Protocol.TCP,
        (API_PORT, API_PORT),
        "Kubernetes API",
        with_load_balancers=False,
    ),
    PortRow(
        # The load balancers restrict the access to the API; pods use the service `kubernetes`.
        (Source.LOAD_BALANCER, Source.MACHINES, Source.PODS),
        (Role.CONTROL_PLANE,),
        Protocol.TCP,
        (API_PORT, API_PORT),
        "Kubernetes API",
        with_load_balancers=True,
    ),
    PortRow(
        (Source.ANYONE_ALLOWED_TO_THE_API, Source.MACHINES, Source.PODS),
        (Role.LOAD_BALANCER,),
        Protocol.TCP,
        ENDPOINT_PORT,
        "Kubernetes API, balanced",
    ),
    PortRow(
        (Source.LOAD_BALANCER,),
        (Role.LOAD_BALANCER,),
        Protocol.VRRP,
        NO_PORTS,
        "keepalived: the virtual address",
    ),
    PortRow(
        # API servers of all control planes call the webhook of the load balancer controller of a cloud.
        (Source.CONTROL_PLANE,),
        (Role.CONTROL_PLANE,),
        Protocol.TCP,
        (CLOUD_WEBHOOK_PORT, CLOUD_WEBHOOK_PORT),
        "webhooks of a cloud's controllers",
        with_cloud_controllers=True,
    ),
    PortRow(
        (Source.CONTROL_PLANE, Source.ETCD),
        (Role.ETCD,),
        Protocol.TCP,
        (ETCD_CLIENT_PORT, ETCD_CLIENT_PORT),
        "etcd clients",
    ),
    PortRow((Source.ETCD,), (Role.ETCD,), Protocol.TCP, (ETCD_PEER_PORT, ETCD_PEER_PORT), "etcd peers"),
    PortRow(
        (Source.CONTROL_PLANE, Source.MACHINES, Source.PODS),
        (Role.NODE,),
        Protocol.TCP,
        (KUBELET_PORT, KUBELET_PORT),
        "kubelet: logs, exec, metrics",
    ),
    PortRow(
        (Source.MACHINES,),
        (Role.NODE,),
        Protocol.TCP,
        (PROXY_HEALTH_PORT, PROXY_HEALTH_PORT),
        "kube-proxy: health of balanced services",
    ),
    PortRow(
        (Source.MACHINES,),
        (Role.NODE,),
        Protocol.UDP,
        (VXLAN_PORT, VXLAN_PORT),
        "flannel vxlan",
        Backend.VXLAN,
    ),
    PortRow((Source.ANYONE,), (Role.NODE,), Protocol.TCP, NODE_PORT_RANGE, "services of type NodePort"),
    PortRow((Source.ANYONE,), (Role.NODE,), Protocol.UDP, NODE_PORT_RANGE, "services of type NodePort"),
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
class FirewallRule:
    """A row of the port table for one cluster. `first` and `last` are the ports; 0 without ports."""

    networks: tuple[IPv4Network, ...]
    protocol: Protocol
    first: int
    last: int
    purpose: str


def rules_for(topology: Topology, roles: Iterable[Role]) -> tuple[FirewallRule, ...]:
    """Return the firewall rules of a host with these roles, in the order of the port table.

    Rows whose sources have no networks are omitted.
    """
    host_roles = frozenset(roles)
    rules = []
    for row in PORT_TABLE:
        if not host_roles.intersection(row.roles) or not _is_needed(topology, row):
            continue
        networks = _merged_networks(topology, row.sources)
        if networks:
            ranges = _row_ports(topology, row)
            rules += [FirewallRule(networks, row.protocol, *ports, row.purpose) for ports in ranges]
    return tuple(rules)


def port_table(topology: Topology) -> str:
    """Return the port table of a cluster as text, with a line for each row that applies."""
    cluster_roles = {role for machine in topology.machines for role in machine.roles}
    lines = [_format_line("FROM", "TO", "PORT", "WHY", "NETWORKS")]
    for row in PORT_TABLE:
        roles = [role for role in row.roles if role in cluster_roles]
        if not roles or not _is_needed(topology, row) or not _row_ports(topology, row):
            continue
        sources = [source for source in row.sources if _source_networks(topology, source)]
        numbers = ", ".join(_format_ports(first, last) for first, last in _row_ports(topology, row))
        ports = f"{row.protocol} {numbers}".rstrip()
        networks = ", ".join(map(str, _merged_networks(topology, row.sources)))
        targets = "all" if set(roles) == cluster_roles else ", ".join(roles)
        lines.append(_format_line(", ".join(sources), targets, ports, row.purpose, networks))
    return "\n".join(lines) + "\n"


def _is_needed(topology: Topology, row: PortRow) -> bool:
    if row.with_cloud_controllers and not topology.external_cloud:
        return False
    if row.with_load_balancers not in (None, bool(topology.load_balancers)):
        return False
    return row.backend in (None, topology.network.backend)


def _format_line(sources: str, targets: str, ports: str, purpose: str, networks: str) -> str:
    return f"{sources:<42} {targets:<14} {ports:<16} {purpose:<40} {networks}".rstrip()


def _format_ports(first: int, last: int) -> str:
    """Return a port range as text, such as `22` or `30000-32767`; empty for protocols without ports."""
    if first == last:
        return str(first or "")
    return f"{first}-{last}"


def _row_ports(topology: Topology, row: PortRow) -> tuple[tuple[int, int], ...]:
    """Return the port ranges of a row. Placeholders are replaced by the ports of the cluster."""
    if row.ports == NODE_PORT_RANGE:
        return (topology.network.node_ports,)
    if row.ports == ENDPOINT_PORT:
        return ((topology.endpoint.port, topology.endpoint.port),)
    if row.ports == SSH_PORTS:
        return tuple((port, port) for port in topology.network.ssh_ports)
    return (row.ports,)


def _merged_networks(topology: Topology, sources: tuple[Source, ...]) -> tuple[IPv4Network, ...]:
    """Return the sorted and merged networks of the sources; nftables refuses overlapping networks."""
    return tuple(
        collapse_addresses(network for source in sources for network in _source_networks(topology, source))
    )


def _source_networks(topology: Topology, source: Source) -> tuple[IPv4Network, ...]:
    """Return the networks of a source in this cluster; empty if the cluster has no such source."""
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
            return network.probe_sources
        case Source.ETCD:
            return _member_networks(topology.etcd)
        case Source.CONTROL_PLANE:
            return _member_networks(topology.control_planes)
        case Source.LOAD_BALANCER:
            return _member_networks(topology.load_balancers)


def _member_networks(members: tuple[Member, ...]) -> tuple[IPv4Network, ...]:
    """Return the address of each member as a /32 network."""
    return tuple(IPv4Network(member.address) for member in members)
