"""Calculation of the subnets of a virtual network.

The range is split into eight equal parts. The first part is split again into eight public subnets, one for
each zone; they contain only gateways and load balancers. Each of the other parts is the private subnet of a
zone. The subnets of a zone depend only on its number, so that an additional zone does not change other zones.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

MAX_ZONES = 6
MAX_PREFIX = 22
"""The longest prefix of the range of a virtual network. The public subnets of such a range are /28, the
smallest that clouds create.
"""
RESERVED_ADDRESSES = 5
"""Number of addresses that both clouds reserve in every subnet: the first four and the last."""
FIRST_CONTROL_PLANE = 10
"""Number in its subnet of the address of the first control plane."""
FIRST_ETCD_MEMBER = 20
"""Number in its subnet of the address of the first etcd member that is not a control plane."""
MAX_MEMBERS = 5
"""Maximum number of control planes, and of etcd members. Addresses below both are for load balancers."""


@dataclass(frozen=True, slots=True)
class ZoneSubnets:
    """The two subnets of a zone."""

    public: IPv4Network
    private: IPv4Network


def split_into_zones(network: IPv4Network, zones: int) -> tuple[ZoneSubnets, ...]:
    """Return the subnets of `zones` zones, in the order of the zones.

    Raise ValueError for no zone, for more than six zones, and for a range smaller than a /22.
    """
    if not 1 <= zones <= MAX_ZONES:
        raise ValueError(f"{zones} zones; allowed: 1 to {MAX_ZONES}")
    if network.prefixlen > MAX_PREFIX:
        raise ValueError(
            f"a /{network.prefixlen} split for zones leaves public subnets of a /{network.prefixlen + 6}, "
            f"smaller than the /28 that clouds make; allowed: a /{MAX_PREFIX} or larger"
        )
    eighths = list(network.subnets(prefixlen_diff=3))
    public = list(eighths[0].subnets(prefixlen_diff=3))
    return tuple(ZoneSubnets(public[number], eighths[number + 1]) for number in range(zones))


def usable_addresses(network: IPv4Network) -> int:
    """Return the number of addresses for machines in a subnet (a /25: 123)."""
    return max(0, network.num_addresses - RESERVED_ADDRESSES)


def member_address(network: IPv4Network, first: int, index: int) -> IPv4Address:
    """Return the address of member number `index` in a subnet, where member 0 has the address number `first`.

    Raise ValueError if the subnet has no such address.
    """
    number = first + index
    if index >= MAX_MEMBERS or number > network.num_addresses - 2:
        raise ValueError(f"{network} has no address number {number} for a member")
    return network[number]
