"""Functions that decide whether the sources of a firewall rule are public.

"Public" means that the sources of a rule add up to more addresses than one organization has on the internet:
more than a /8 of IPv4 or a /16 of IPv6. A rule with the two halves of the internet as its sources is
therefore public.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Network,
    collapse_addresses,
    ip_network,
    summarize_address_range,
)

from providers.registry import CLOUDS

MAX_PRIVATE_IPV4 = 2**24
"""Number of addresses in a /8 network."""
MAX_PRIVATE_IPV6 = 2**112
"""Number of addresses in a /16 network, more than any registry has allocated to one organization."""

_ROUTED_IPV6 = IPv6Network("2000::/3")
"""The part of the IPv6 address space that is routed on the internet (RFC 4291, 2.4, and the IANA registry).
"""
_NOT_ROUTED = tuple(
    map(
        IPv4Network,
        # RFC 1918, RFC 6598, loopback, link-local, multicast and reserved: not routed on the internet.
        (
            *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8"),
            *("169.254.0.0/16", "224.0.0.0/3"),
        ),
    )
)


def is_public_name(source: str) -> bool:
    """Check whether a source is a name that means "any address" in a cloud, such as `Internet`.

    Names with the suffix of a region, such as `NAME.westeurope`, are public too.
    """
    name = source.strip().lower().partition(".")[0]
    return any(name in cloud.readers.public_source_names for cloud in CLOUDS)


def is_public(sources: Iterable[str]) -> bool:
    """Check whether the sources of a rule together are public."""
    listed = list(sources)
    networks = [network for source in listed for network in _networks(source)]
    return any(map(is_public_name, listed)) or cover_public(networks)


def cover_public(networks: Iterable[IPv4Network | IPv6Network]) -> bool:
    """Check whether the networks together contain more addresses than one organization has."""
    ipv4: list[IPv4Network] = []
    ipv6: list[IPv6Network] = []
    for network in networks:
        if isinstance(network, IPv4Network):
            ipv4.append(network)
        else:
            ipv6.append(network)
    return (
        sum(map(_routed_ipv4, collapse_addresses(ipv4))) > MAX_PRIVATE_IPV4
        or sum(map(_routed_ipv6, collapse_addresses(ipv6))) > MAX_PRIVATE_IPV6
    )


def _networks(source: str) -> Iterator[IPv4Network | IPv6Network]:
    """Yield the networks of a source, such as `10.0.0.0/8` or `10.0.0.1-10.0.0.9`; none for a name."""
    first, dash, last = source.partition("-")
    try:
        if dash:
            yield from summarize_address_range(IPv4Address(first.strip()), IPv4Address(last.strip()))
        else:
            yield ip_network(source.strip(), strict=False)
    except (ValueError, TypeError):
        return  # the source is a name of the cloud, or unknown before the update


def _routed_ipv4(network: IPv4Network) -> int:
    """Return the number of addresses in the network that are routed on the internet."""
    if any(network.subnet_of(private) for private in _NOT_ROUTED):
        return 0
    inside = (private.num_addresses for private in _NOT_ROUTED if private.subnet_of(network))
    return network.num_addresses - sum(inside)


def _routed_ipv6(network: IPv6Network) -> int:
    """Return the number of addresses in the network that are routed on the internet."""
    if network.supernet_of(_ROUTED_IPV6):
        return _ROUTED_IPV6.num_addresses
    return network.num_addresses if network.subnet_of(_ROUTED_IPV6) else 0
