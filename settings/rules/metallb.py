"""Rules about services of type LoadBalancer: address pools and BGP peers of MetalLB [G3]."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import AddressValueError, IPv4Address
from urllib.parse import urlsplit

from settings.cluster import CLOUD_SECTIONS, Settings
from settings.metallb import AddressPoolSettings, MetalLbSettings
from settings.problem import Problem
from settings.rules.access import namespace_problems
from settings.rules.base import RuleInput, rule
from settings.rules.ranges import RESERVED_RANGES
from settings.types import parse_server
from topology.metallb import NAMESPACE, NOT_BALANCED_LABEL, Announcement

_SECTION = "addons.load_balancer"
_Range = tuple[IPv4Address, IPv4Address]
_RESERVED_AS_NUMBERS = {23456: "AS_TRANS (RFC 6793)", 65535: "reserved (RFC 7300)", 4294967295: "reserved"}


@rule(needs=(_SECTION,), needs_valid=("metal", *CLOUD_SECTIONS))
def clouds_serve_load_balancers_themselves(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse MetalLB in a cloud, whose networks deliver no packets to addresses that nodes announce."""
    settings = rule_input.settings
    if settings.cloud and settings.addons.load_balancer:
        yield Problem(
            _SECTION,
            "",
            f"only for bare metal; the controller of {settings.cloud_name} serves services of type "
            "LoadBalancer; remove it",
        )


@rule(needs_valid=(_SECTION,))
def pools_and_peers_are_complete(rule_input: RuleInput) -> Iterator[Problem]:
    """Require a pool, and for BGP both peers and the number of the nodes."""
    metallb = _metallb(rule_input.settings)
    if metallb is None:
        return
    by_bgp = [name for name, pool in metallb.pools.items() if pool.announce is Announcement.BGP]
    if not metallb.pools:
        yield Problem(f"{_SECTION}.pools", "", "missing; name a pool with free addresses, such as public")
    elif by_bgp and not metallb.peers:
        yield Problem(
            f"{_SECTION}.pools.{by_bgp[0]}.announce", '"bgp"', "needs routers; add them to peers, or use l2"
        )
    elif metallb.peers and not by_bgp:
        yield Problem(
            f"{_SECTION}.peers", "", "no pool has announce: bgp; add it to a pool, or remove the peers"
        )
    if metallb.peers and metallb.asn is None:
        yield Problem(
            f"{_SECTION}.asn",
            "",
            "missing; set the number of the nodes, such as 64512 for private use",
        )
    elif metallb.asn is not None and not metallb.peers:
        yield Problem(f"{_SECTION}.asn", str(metallb.asn), "has no effect without peers; remove it")


@rule(
    needs_valid=(
        *(_SECTION, "network.machines", "network.pods", "network.services", "endpoint.host"),
        *("metal.hosts", "metal.ssh.bastion", "artifacts.mirror", "registries", "dns"),
        *("pools", "control_planes"),
    )
)
def pool_addresses_are_free(rule_input: RuleInput) -> Iterator[Problem]:
    """Require addresses that no other part of the network plan uses. Report one problem of each range."""
    metallb = _metallb(rule_input.settings)
    for path, pool, addresses in _ranges(metallb):
        for message in _range_problems(rule_input.settings, pool, addresses):
            yield Problem(path, _quoted(addresses), message)
            break


@rule(needs_valid=(_SECTION,))
def pools_do_not_overlap(rule_input: RuleInput) -> Iterator[Problem]:
    """Require that each address is in one range of one pool."""
    seen: list[tuple[str, _Range]] = []
    for path, _, addresses in _ranges(_metallb(rule_input.settings)):
        for other, other_addresses in seen:
            if _overlap(addresses, other_addresses):
                yield Problem(path, _quoted(addresses), f"overlaps {other}; join the ranges or shorten one")
        seen.append((path, addresses))


@rule(needs_valid=(_SECTION, "network.pods", "network.services", "metal.hosts"))
def peers_are_routers(rule_input: RuleInput) -> Iterator[Problem]:
    """Require peers outside the cluster, each with a different address and port."""
    settings = rule_input.settings
    metallb = _metallb(settings)
    hosts = {host.address: name for name, host in settings.metal.hosts.items()} if settings.metal else {}
    seen: dict[tuple[IPv4Address, int], str] = {}
    for name, peer in metallb.peers.items() if metallb else ():
        path, value = f"{_SECTION}.peers.{name}.address", f'"{peer.address}"'
        for key, network in (("pods", settings.network.pods), ("services", settings.network.services)):
            if peer.address in network:
                yield Problem(path, value, f"lies in network.{key} ({network}); use the address of a router")
        if peer.address in hosts:
            yield Problem(
                path, value, f"is the host {hosts[peer.address]} of this cluster; use the address of a router"
            )
        endpoint = (peer.address, peer.port)
        if endpoint in seen:
            yield Problem(path, value, f"is the peer {seen[endpoint]} too; remove one of them")
        seen.setdefault(endpoint, name)


@rule(needs_valid=(_SECTION,))
def as_numbers_are_not_reserved(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse numbers of autonomous systems that no router accepts."""
    metallb = _metallb(rule_input.settings)
    if metallb is None:
        return
    numbers = {f"{_SECTION}.asn": metallb.asn}
    numbers |= {f"{_SECTION}.peers.{name}.asn": peer.asn for name, peer in metallb.peers.items()}
    for path, number in numbers.items():
        if number in _RESERVED_AS_NUMBERS:
            yield Problem(
                path,
                str(number),
                f"is {_RESERVED_AS_NUMBERS[number]}; use the number of the network, or one for private use "
                "(64512 to 65534, 4200000000 to 4294967294)",
            )


@rule(needs=(_SECTION, "access.namespaces"), needs_valid=("helm_releases",))
def namespace_belongs_to_metallb(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse other settings that create or fill the namespace of MetalLB."""
    settings = rule_input.settings
    if _metallb(settings) is None:
        return
    yield from namespace_problems(settings, NAMESPACE, _SECTION)


def _metallb(settings: Settings) -> MetalLbSettings | None:
    """Return the section; None in a cloud, where another rule refuses it."""
    return settings.addons.load_balancer if settings.metal and not settings.cloud else None


def _ranges(metallb: MetalLbSettings | None) -> Iterator[tuple[str, AddressPoolSettings, _Range]]:
    """Yield each range with its path and its pool."""
    for name, pool in metallb.pools.items() if metallb else ():
        for number, addresses in enumerate(pool.addresses):
            yield f"{_SECTION}.pools.{name}.addresses[{number}]", pool, addresses


def _range_problems(settings: Settings, pool: AddressPoolSettings, addresses: _Range) -> Iterator[str]:
    for meaning, reserved in RESERVED_RANGES.items():
        if _overlap(addresses, (reserved[0], reserved[-1])):
            yield f"contains addresses of {reserved}, {meaning}; choose addresses that routers forward"
    for key, network in (("pods", settings.network.pods), ("services", settings.network.services)):
        if _overlap(addresses, (network[0], network[-1])):
            yield f"overlaps network.{key} ({network}); choose addresses outside this range"
    yield from _placement_problems(settings, pool.announce, addresses)
    for address, owner in _used_addresses(settings):
        if addresses[0] <= address <= addresses[1]:
            yield f"contains {address}, the address of {owner}; choose free addresses"


def _placement_problems(settings: Settings, announcement: Announcement, addresses: _Range) -> Iterator[str]:
    machines = settings.network.machines
    first, last = addresses
    known = ", ".join(map(str, machines))
    if announcement is Announcement.BGP:
        for network in machines:
            if _overlap(addresses, (network[0], network[-1])):
                yield (
                    f"overlaps {network} of network.machines, whose machines find addresses by ARP; "
                    "use announce: l2, or other addresses"
                )
        return
    inside = next((network for network in machines if first in network and last in network), None)
    if inside is None:
        yield (
            f"is not inside one of network.machines ({known}), where nodes answer ARP; choose addresses of "
            "one network, or announce: bgp"
        )
        return
    for address, kind in ((inside[0], "network"), (inside[-1], "broadcast")):
        if inside.num_addresses > 2 and first <= address <= last:
            yield f"contains {address}, the {kind} address of {inside}; leave it out"
    for node, address in _announcing_nodes(settings):
        if address not in inside:
            yield (
                f"is in {inside}, but the node {node} ({address}) is not and could announce the addresses; "
                f"use announce: bgp, or give the pool of {node} the label {NOT_BALANCED_LABEL}"
            )


def _announcing_nodes(settings: Settings) -> Iterator[tuple[str, IPv4Address]]:
    """Yield the names and addresses of the nodes that can announce addresses."""
    groups = [(pool.hosts, pool.labels) for pool in settings.pools.values()]
    if settings.control_planes.schedulable:
        groups.append((settings.control_planes.hosts, settings.control_planes.labels))
    inventory = settings.metal.hosts if settings.metal else {}
    for hosts, labels in groups:
        for name in hosts:
            if NOT_BALANCED_LABEL not in labels and name in inventory:
                yield name, inventory[name].address


def _used_addresses(settings: Settings) -> Iterator[tuple[IPv4Address, str]]:
    """Yield the addresses that the settings name, each with its owner. Names of hosts are not resolved."""
    for host, machine in settings.metal.hosts.items() if settings.metal else ():
        yield machine.address, f"the host {host}"
        if machine.public_address:
            yield machine.public_address, f"the public address of the host {host}"
    for name, peer in settings.addons.load_balancer.peers.items() if settings.addons.load_balancer else ():
        yield peer.address, f"the peer {name}"
    for text, path in _named_servers(settings):
        try:
            yield IPv4Address(text), path
        except AddressValueError:
            continue


def _named_servers(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield the name or address of each server in the settings, with its path."""
    if settings.endpoint:
        yield settings.endpoint.host, "endpoint.host"
    if settings.metal and settings.metal.ssh.bastion:
        yield settings.metal.ssh.bastion.host, "metal.ssh.bastion.host"
    if settings.artifacts.mirror:
        yield urlsplit(settings.artifacts.mirror).hostname or "", "artifacts.mirror"
    for name, registry in settings.registries.items():
        yield urlsplit(registry.endpoint).hostname or "", f"registries.{name}.endpoint"
    stub_domains = settings.dns.stub_domains.values()
    for server in (*settings.dns.upstreams, *(server for servers in stub_domains for server in servers)):
        yield str(parse_server(server)[0]), "a DNS server in dns"


def _overlap(left: _Range, right: _Range) -> bool:
    return left[0] <= right[1] and right[0] <= left[1]


def _quoted(addresses: _Range) -> str:
    return f'"{addresses[0]}-{addresses[1]}"'
