"""The firewall rules of a host, and the printed table, from the port table (`topology.ports`) [A5]."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, collapse_addresses

from topology.cilium import RoutingMode
from topology.dns import NODE_CACHE_ADDRESS, NodeCache
from topology.model import Member, Role, Topology
from topology.open_ports import OpenPort
from topology.options import NetworkPlugin
from topology.ports import (
    ENDPOINT_PORT,
    FILE_STORAGE_PORT,
    NODE_PORT_RANGE,
    PORT_TABLE,
    SSH_PORTS,
    PortRow,
    Protocol,
    Source,
)


@dataclass(frozen=True, slots=True)
class FirewallRule:
    """A row of the port table for one cluster. `first` and `last` are the ports; 0 without ports.

    `setting` is the name of the port in the settings; empty for a row of the table. The networks of a setting
    can be outside the cluster. `destination` is the address of the host that the rule is for, which only this
    host can reach; None: all addresses of the host.
    """

    networks: tuple[IPv4Network, ...]
    protocol: Protocol
    first: int
    last: int
    purpose: str
    setting: str = ""
    destination: IPv4Address | None = None


def rules_for(
    topology: Topology, roles: Iterable[Role], pools: Iterable[str] = ()
) -> tuple[FirewallRule, ...]:
    """Return the firewall rules of a host with these roles: the port table, then the ports of the settings.

    Rows whose sources have no networks are omitted. Ports of pools are included if one of these pools is in
    `pools`.
    """
    host_roles = frozenset(roles)
    rules = []
    for row in PORT_TABLE:
        if not host_roles.intersection(row.roles) or not _is_needed(topology, row):
            continue
        networks = _merged_networks(topology, row.sources)
        if networks:
            destination = NODE_CACHE_ADDRESS if row.with_node_cache else None
            rules += [
                FirewallRule(networks, row.protocol, *ports, row.purpose, destination=destination)
                for ports in _row_ports(topology, row)
            ]
    host_pools = frozenset(pools)
    rules += [
        _setting_rule(topology, port)
        for port in topology.network.open_ports
        if host_roles.intersection(port.roles) and (not port.pools or host_pools.intersection(port.pools))
    ]
    return tuple(rules)


def file_storage_rules(topology: Topology) -> tuple[FirewallRule, ...]:
    """Return the rules of the file storage of the cloud; none without it."""
    return tuple(
        FirewallRule(_merged_networks(topology, row.sources), row.protocol, *ports, row.purpose)
        for row in PORT_TABLE
        if row.with_file_storage and _is_needed(topology, row)
        for ports in _row_ports(topology, row)
    )


def _setting_rule(topology: Topology, port: OpenPort) -> FirewallRule:
    return FirewallRule(
        _setting_networks(topology, port), port.protocol, *port.ports, port.purpose, port.name
    )


def _setting_networks(topology: Topology, port: OpenPort) -> tuple[IPv4Network, ...]:
    """Return the networks that may connect. A node replaces the address of a pod by its own, so machines are
    a source when pods are one.
    """
    machines = topology.network.machines if _admits_pods(topology, port) else ()
    return tuple(collapse_addresses((*port.networks, *machines)))


def _admits_pods(topology: Topology, port: OpenPort) -> bool:
    return any(topology.network.pods.overlaps(network) for network in port.networks)


def ports_closed_to_pods(topology: Topology) -> tuple[FirewallRule, ...]:
    """Return a rule for each port of the table that pods must not reach, with the machines as its networks.

    A node replaces the address of a pod by its own when the pod connects to a machine, so the other machine
    cannot tell a pod from a node. The node of the pod must refuse the connection.
    """
    rows = [
        row
        for row in PORT_TABLE
        if row.protocol in (Protocol.TCP, Protocol.UDP) and _is_needed(topology, row)
    ]
    open_ports = {
        (row.protocol, ports)
        for row in rows
        if {Source.PODS, Source.ANYONE}.intersection(row.sources)
        for ports in _row_ports(topology, row)
    }
    machines = tuple(collapse_addresses(topology.network.machines))
    closed = [
        FirewallRule(machines, row.protocol, *ports, row.purpose)
        for row in rows
        for ports in _row_ports(topology, row)
        if (row.protocol, ports) not in open_ports
    ]
    closed += [
        FirewallRule(machines, port.protocol, *port.ports, port.purpose)
        for port in topology.network.open_ports
        if not _admits_pods(topology, port)
    ]
    return tuple(closed)


def port_table(topology: Topology) -> str:
    """Return the port table of a cluster as text, with a line for each row that applies."""
    cluster_roles = {role for machine in topology.machines for role in machine.roles}
    lines = [_format_line("FROM", "TO", "PORT", "WHY", "NETWORKS")]
    for row in PORT_TABLE:
        roles = [role for role in row.roles if role in cluster_roles]
        if (
            not (roles or row.with_file_storage)
            or not _is_needed(topology, row)
            or not _row_ports(topology, row)
        ):
            continue
        sources = [source for source in row.sources if _source_networks(topology, source)]
        numbers = ", ".join(_format_ports(first, last) for first, last in _row_ports(topology, row))
        ports = f"{row.protocol} {numbers}".rstrip()
        networks = ", ".join(map(str, _merged_networks(topology, row.sources)))
        targets = "all" if set(roles) == cluster_roles else ", ".join(roles) or "file storage"
        lines.append(_format_line(", ".join(sources), targets, ports, row.purpose, networks))
    for port in topology.network.open_ports:
        ports = f"{port.protocol} {_format_ports(*port.ports)}"
        networks = ", ".join(map(str, _setting_networks(topology, port)))
        targets = ", ".join(port.pools or port.roles)
        lines.append(_format_line(port.setting, targets, ports, port.purpose, networks))
    return "\n".join(lines) + "\n"


def _is_needed(topology: Topology, row: PortRow) -> bool:
    if row.with_cloud_controllers and not topology.external_cloud:
        return False
    if row.with_node_cache and topology.dns.node_cache is NodeCache.NONE:
        return False
    if row.with_metallb and topology.metallb is None:
        return False
    if row.with_monitoring and topology.monitoring is None:
        return False
    if row.with_file_storage and not topology.storage.file_storage_port:
        return False
    if row.with_cilium and not _has_cilium(topology, row.with_cilium):
        return False
    if row.with_load_balancers not in (None, bool(topology.load_balancers)):
        return False
    return not row.with_flannel or topology.network.cni is NetworkPlugin.FLANNEL


def _has_cilium(topology: Topology, modes: tuple[RoutingMode, ...]) -> bool:
    cilium = topology.network.cilium
    return cilium is not None and cilium.routing_mode in modes


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
    if row.ports == FILE_STORAGE_PORT:
        return ((topology.storage.file_storage_port, topology.storage.file_storage_port),)
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
            # A bastion is one of the machines.
            return (*network.ssh_allowed, *network.machines)
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
        case Source.MONITORING:
            return _monitoring_networks(topology)
        case Source.LOAD_BALANCER:
            return _member_networks(topology.load_balancers)


def _monitoring_networks(topology: Topology) -> tuple[IPv4Network, ...]:
    """Return the addresses of the nodes that run Prometheus, or all machines if they are not known."""
    names = {topology.monitoring.pool} if topology.monitoring else set()
    nodes = [node for pool in topology.pools if pool.name in names for node in pool.nodes]
    # Packets of a node behind NAT have its public address in other networks.
    addresses = dict.fromkeys(address for node in nodes for address in (node.address, node.node_address))
    return tuple(map(IPv4Network, addresses)) or topology.network.machines


def _member_networks(members: tuple[Member, ...]) -> tuple[IPv4Network, ...]:
    """Return the address of each member as a /32 network."""
    return tuple(IPv4Network(member.address) for member in members)
