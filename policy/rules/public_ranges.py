"""Which ranges of addresses are as good as everyone, by arithmetic: two halves are the whole. Pure."""

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

MOST_IPV4 = 2**24
"""Addresses: a /8. Nobody has more of the internet to himself."""
MOST_IPV6 = 2**112
"""Addresses: a /16, more than any registry has handed to one network."""

_NAMES = frozenset({"*", "any", "internet", "azurecloud"})
"""Words of Azure for everyone; every customer's machines are in AzureCloud."""
_UNICAST = IPv6Network("2000::/3")
"""All of IPv6 that is routed (RFC 4291, 2.4, and IANA's registry)."""
_OWN = tuple(
    map(
        IPv4Network,
        # RFC 1918, RFC 6598, loopback, link-local, multicast and reserved: the internet has none of them.
        (
            *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8"),
            *("169.254.0.0/16", "224.0.0.0/3"),
        ),
    )
)


def names_everyone(source: str) -> bool:
    """Whether a source is one of Azure's words for everyone, in any case; regions' tags have a suffix."""
    return source.strip().lower().partition(".")[0] in _NAMES


def is_world(sources: Iterable[str]) -> bool:
    """Whether the sources of a rule are, all together, more of the internet than one network has."""
    listed = list(sources)
    networks = [network for source in listed for network in _networks(source)]
    return any(map(names_everyone, listed)) or covers_world(networks)


def covers_world(networks: Iterable[IPv4Network | IPv6Network]) -> bool:
    """The same for networks."""
    old: list[IPv4Network] = []
    new: list[IPv6Network] = []
    for network in networks:
        if isinstance(network, IPv4Network):
            old.append(network)
        else:
            new.append(network)
    return (
        sum(map(_public, collapse_addresses(old))) > MOST_IPV4
        or sum(map(_routed, collapse_addresses(new))) > MOST_IPV6
    )


def _networks(source: str) -> Iterator[IPv4Network | IPv6Network]:
    first, dash, last = source.partition("-")
    try:
        if dash:
            yield from summarize_address_range(IPv4Address(first.strip()), IPv4Address(last.strip()))
        else:
            yield ip_network(source.strip(), strict=False)
    except (ValueError, TypeError):
        return  # one of the cloud's names, or not known yet


def _public(network: IPv4Network) -> int:
    if any(network.subnet_of(own) for own in _OWN):
        return 0
    return network.num_addresses - sum(own.num_addresses for own in _OWN if own.subnet_of(network))


def _routed(network: IPv6Network) -> int:
    if network.supernet_of(_UNICAST):
        return _UNICAST.num_addresses
    return network.num_addresses if network.subnet_of(_UNICAST) else 0
