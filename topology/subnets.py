"""How a virtual network's range is split into subnets. Pure.

The range has eight equal parts. The first is split into eight again: the zones' public subnets, which
hold gateways and balancers only. Each of the others is a zone's private subnet. A zone's part depends
on its number alone, so that a zone more at the end moves none of the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

MAX_ZONES = 6
MAX_PREFIX = 22
"""The longest prefix of a range: its public subnets are then /28, the smallest that AWS makes."""
RESERVED_ADDRESSES = 5
"""Addresses of every subnet that both clouds keep for themselves: the first four, and the last."""
FIRST_CONTROL_PLANE = 10
FIRST_ETCD_MEMBER = 20
MAX_MEMBERS = 5
"""Of a kind; numbers below the first member's are free for balancers."""


@dataclass(frozen=True, slots=True)
class ZoneSubnets:
    """The two subnets of one zone."""

    public: IPv4Network
    private: IPv4Network


def split_into_zones(network: IPv4Network, zones: int) -> tuple[ZoneSubnets, ...]:
    """The subnets of each of the zones, which are numbered from 0.

    Raises ValueError when there are more than six zones or none, or the range is smaller than a /22.
    """
    if not 1 <= zones <= MAX_ZONES:
        raise ValueError(f"{zones} zones; allowed: 1 to {MAX_ZONES}")
    if network.prefixlen > MAX_PREFIX:
        raise ValueError(
            f"a /{network.prefixlen} split for zones leaves public subnets of a /{network.prefixlen + 6}, "
            f"smaller than the /28 that clouds make; allowed: a /{MAX_PREFIX} or larger"
        )
    parts = list(network.subnets(prefixlen_diff=3))
    public = list(parts[0].subnets(prefixlen_diff=3))
    return tuple(ZoneSubnets(public[number], parts[number + 1]) for number in range(zones))


def usable_addresses(network: IPv4Network) -> int:
    """How many machines a subnet has addresses for (a /25: 123)."""
    return max(0, network.num_addresses - RESERVED_ADDRESSES)


def member_address(network: IPv4Network, first: int, place: int) -> IPv4Address:
    """The address of a kind's member number `place` in a subnet; `first` is the kind's first number.

    Raises ValueError when the subnet has no such address to give.
    """
    number = first + place
    if place >= MAX_MEMBERS or number > network.num_addresses - 2:
        raise ValueError(f"{network} has no address number {number} for a member")
    return network[number]
