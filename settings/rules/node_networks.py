"""The networks of nodes, for CNIs whose nodes route packets of pods to each other."""

from __future__ import annotations

from ipaddress import IPv4Network

from settings.cluster import Settings
from topology.network import find_network


def describe_separate_networks(settings: Settings) -> str:
    """Return the networks of `network.machines` that have nodes, each with its first node, such as
    `cp-1 in 10.89.0.0/24, w-2 in 10.90.0.0/24`. Return an empty text if all nodes share a network.
    """
    nodes = {*settings.control_planes.hosts, *settings.worker_hosts}
    first_nodes: dict[IPv4Network, str] = {}
    for name, host in settings.metal.hosts.items() if settings.metal else ():
        network = find_network(settings.network.machines, host.address)
        if name in nodes and network:
            first_nodes.setdefault(network, name)
    if len(first_nodes) < 2:
        return ""
    return ", ".join(f"{name} in {network}" for network, name in first_nodes.items())
