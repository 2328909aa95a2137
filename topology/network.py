"""Calculations with IPv4 address ranges."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from itertools import combinations

MAX_SPLIT_BITS = 16
"""kube-controller-manager keeps a bitmap of node ranges and refuses to split by more bits."""


@dataclass(frozen=True, slots=True)
class Overlap:
    """The names of two ranges that share addresses, and the shared addresses from `first` to `last`."""

    left: str
    right: str
    first: IPv4Address
    last: IPv4Address

    @property
    def count(self) -> int:
        """The number of shared addresses."""
        return int(self.last) - int(self.first) + 1


def shared_addresses(left: IPv4Network, right: IPv4Network) -> tuple[IPv4Address, IPv4Address] | None:
    """Return the first and the last address that two ranges share; None if they do not overlap."""
    first = max(left.network_address, right.network_address)
    last = min(left.broadcast_address, right.broadcast_address)
    return (first, last) if first <= last else None


def find_overlaps(ranges: Sequence[tuple[str, IPv4Network]]) -> tuple[Overlap, ...]:
    """Return all pairs of ranges that overlap. `ranges` are pairs of a name and a range."""
    overlaps = []
    for (left, left_range), (right, right_range) in combinations(ranges, 2):
        shared = shared_addresses(left_range, right_range)
        if shared:
            overlaps.append(Overlap(left, right, *shared))
    return tuple(overlaps)


def pod_addresses(node_prefix: int) -> int:
    """Return the number of pod addresses in a node range, without network and broadcast address (/26: 62)."""
    return max(0, (1 << (32 - node_prefix)) - 2)


def node_prefix_for_pods(pods: int) -> int:
    """Return the longest prefix length with which a node range has an address for each of `pods` pods.

    Raise ValueError if there is no such prefix.
    """
    if pods < 1:
        raise ValueError("a node's range must hold at least one pod")
    for prefix in range(30, -1, -1):
        if pod_addresses(prefix) >= pods:
            return prefix
    raise ValueError(f"no range holds {pods} pods")


def max_node_ranges(pods: IPv4Network, node_prefix: int) -> int:
    """Return the number of node ranges in a pod range (a /16 split into /26: 1,024), or 0."""
    bits: int = node_prefix - pods.prefixlen
    return 1 << bits if bits >= 0 else 0


def pods_prefix_for_nodes(nodes: int, node_prefix: int) -> int:
    """Return the longest prefix length with which a pod range has a node range for each of `nodes` nodes.

    Raise ValueError if there is no such prefix.
    """
    bits = max(0, (nodes - 1).bit_length())
    if bits > node_prefix:
        raise ValueError(f"no range holds {nodes} ranges of /{node_prefix}")
    return node_prefix - bits


def service_addresses(services: IPv4Network) -> int:
    """Return the approximate number of services that a range can hold (a /22: 1,022)."""
    return max(0, services.num_addresses - 2)


def find_network(networks: Iterable[IPv4Network], address: IPv4Address) -> IPv4Network | None:
    """Return the first network that contains the address, or None."""
    return next((network for network in networks if address in network), None)


def find_duplicates(addresses: Mapping[str, IPv4Address]) -> tuple[tuple[IPv4Address, tuple[str, ...]], ...]:
    """Return each address that several hosts have, with the names of these hosts."""
    by_address: dict[IPv4Address, list[str]] = {}
    for name, address in addresses.items():
        by_address.setdefault(address, []).append(name)
    return tuple((address, tuple(names)) for address, names in by_address.items() if len(names) > 1)
