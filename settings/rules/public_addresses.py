"""Rules about public addresses of hosts behind NAT [A4]."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import AddressValueError, IPv4Address, IPv4Network

from settings.cluster import Settings
from settings.metal import HostSettings
from settings.problem import Problem
from settings.rules.base import RuleInput, rule
from topology.network import find_network
from topology.options import Backend, NetworkPlugin


@rule(needs_valid=("network.machines",))
def public_addresses_are_in_networks(rule_input: RuleInput) -> Iterator[Problem]:
    """Require public addresses in `network.machines`, in another network than that of the host."""
    networks = rule_input.settings.network.machines
    for name, host in _hosts_behind_nat(rule_input.settings).items():
        path, value = _path(name), f'"{host.public_address}"'
        network = find_network(networks, _public(host))
        if network is None and networks:
            known = ", ".join(map(str, networks))
            yield Problem(path, value, f"not in network.machines ({known}); add its network there")
        elif network and host.address in network:
            yield Problem(
                path,
                value,
                f"in {network}, the network of its address, so no NAT is between it and others; remove it",
            )


@rule()
def public_addresses_are_unique(rule_input: RuleInput) -> Iterator[Problem]:
    """Require a public address that no other host has, because all ports of a node are translated."""
    metal = rule_input.settings.metal
    owners = {host.address: f"the address of {name}" for name, host in metal.hosts.items()} if metal else {}
    for name, host in _hosts_behind_nat(rule_input.settings).items():
        public = _public(host)
        if public in owners:
            yield Problem(
                _path(name), f'"{public}"', f"also {owners[public]}; each host needs its own address"
            )
        owners.setdefault(public, f"the public address of {name}")


@rule(needs=("load_balancers.hosts",))
def load_balancers_have_no_public_address(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse public addresses of load balancers, whose virtual address moves between the two hosts."""
    settings = rule_input.settings
    for name, host in _hosts_behind_nat(settings).items():
        if name in settings.load_balancers.hosts:
            yield Problem(
                _path(name),
                f'"{host.public_address}"',
                "not for a load balancer, whose virtual address moves to another host; remove it, or use an "
                "external load balancer",
            )


@rule(
    needs=("control_planes.hosts", "etcd.hosts", "load_balancers.hosts"),
    needs_valid=("metal.hosts", "network.machines"),
)
def members_behind_nat_share_a_network(rule_input: RuleInput) -> Iterator[Problem]:
    """Require one network for all members if one is behind NAT, because members use inner addresses."""
    settings = rule_input.settings
    members = {*settings.control_planes.hosts, *settings.etcd_hosts, *settings.load_balancers.hosts}
    inventory = settings.metal.hosts if settings.metal else {}
    for name, host in _hosts_behind_nat(settings).items():
        inside = find_network(settings.network.machines, host.address)
        if name not in members or inside is None:
            continue
        outside = [item for item in inventory if item in members and inventory[item].address not in inside]
        if outside:
            yield Problem(
                _path(name),
                f'"{host.public_address}"',
                f"control planes, etcd members and load balancers need one network, but {outside[0]} "
                f"({inventory[outside[0]].address}) is not in {inside}; move one of them",
            )
            return


@rule(needs=("network.backend",))
def host_gateway_has_no_public_addresses(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse the flannel backend host-gw with public addresses, because routes have no NAT."""
    settings = rule_input.settings
    behind = _hosts_behind_nat(settings)
    if settings.network.backend is Backend.HOST_GW and behind:
        yield Problem(
            "network.backend", '"host-gw"', f"does not reach {next(iter(behind))} behind NAT; allowed: vxlan"
        )


@rule(needs=("network.cni",))
def cilium_has_no_public_addresses(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse Cilium with public addresses, which were tested with flannel only."""
    settings = rule_input.settings
    behind = _hosts_behind_nat(settings)
    if settings.network.cni is NetworkPlugin.CILIUM and behind:
        yield Problem(
            "network.cni",
            '"cilium"',
            f"not supported with hosts behind NAT, such as {next(iter(behind))}; use flannel",
        )


@rule(
    needs=("endpoint.host", "control_planes.hosts"), needs_valid=("metal.hosts", "network.machines", "pools")
)
def endpoint_is_in_front_of_nat(rule_input: RuleInput) -> Iterator[Problem]:
    """Require an endpoint that nodes in other networks reach."""
    settings = rule_input.settings
    networks = settings.network.machines
    try:
        endpoint = find_network(networks, IPv4Address(settings.endpoint.host)) if settings.endpoint else None
    except AddressValueError:
        return
    if endpoint is None or endpoint not in _networks_behind_nat(settings, networks):
        return
    inventory = settings.metal.hosts if settings.metal else {}
    nodes = [name for name in (*settings.control_planes.hosts, *settings.worker_hosts) if name in inventory]
    outside = [name for name in nodes if inventory[name].address not in endpoint]
    if outside:
        yield Problem(
            "endpoint.host",
            f'"{settings.endpoint.host}"' if settings.endpoint else "",
            f"behind the NAT of {endpoint}, and {outside[0]} ({inventory[outside[0]].address}) is not; use "
            "an address that all nodes reach",
        )


@rule(needs=("control_planes.hosts",), needs_valid=("metal.hosts", "network.machines", "pools"))
def nodes_behind_nat_have_public_addresses(rule_input: RuleInput) -> Iterator[Problem]:
    """Require a public address of each node in a network behind NAT, if a node is in another network."""
    settings = rule_input.settings
    networks, inventory = settings.network.machines, settings.metal.hosts if settings.metal else {}
    behind = _networks_behind_nat(settings, networks)
    if not behind:
        return
    nodes = {
        name: find_network(networks, inventory[name].address)
        for name in (*settings.control_planes.hosts, *settings.worker_hosts)
        if name in inventory
    }
    first_nodes = {place: name for name, place in reversed(nodes.items())}
    for name, network in nodes.items():
        outside = [first for place, first in first_nodes.items() if place != network]
        if network in behind and outside and inventory[name].public_address is None:
            yield Problem(
                _path(name),
                "",
                f"missing; other hosts of {network} are behind NAT, so {outside[-1]} could not reach {name}",
            )


def _networks_behind_nat(settings: Settings, networks: tuple[IPv4Network, ...]) -> set[IPv4Network | None]:
    return {find_network(networks, host.address) for host in _hosts_behind_nat(settings).values()}


def _hosts_behind_nat(settings: Settings) -> dict[str, HostSettings]:
    hosts = settings.metal.hosts if settings.metal else {}
    return {name: host for name, host in hosts.items() if host.public_address is not None}


def _public(host: HostSettings) -> IPv4Address:
    assert host.public_address is not None
    return host.public_address


def _path(name: str) -> str:
    return f"metal.hosts.{name}.public_address"
