"""Rules about load balancers on hosts and their virtual address [E1]."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import AddressValueError, IPv4Address

from settings.cluster import Settings
from settings.problem import Problem
from settings.rules.base import RuleInput, rule
from topology.network import find_network
from topology.ports import CLUSTER_PORTS, LOAD_BALANCER_HEALTH_PORT


@rule(needs=("endpoint.host", "load_balancers.hosts"))
def endpoint_is_virtual_address(rule_input: RuleInput) -> Iterator[Problem]:
    """Require an address as the endpoint of load balancers, because keepalived needs an address."""
    settings = rule_input.settings
    if settings.cloud:
        return  # the cloud provides the load balancer
    if settings.endpoint and settings.load_balancers.hosts and _virtual_address(settings) is None:
        yield Problem(
            "endpoint.host",
            f'"{settings.endpoint.host}"',
            "not an address; use the virtual address of the load balancers, and add a name to api.names",
        )


@rule(needs=("endpoint.host", "load_balancers.hosts"), needs_valid=("network.machines", "metal.hosts"))
def virtual_address_is_in_hosts_network(rule_input: RuleInput) -> Iterator[Problem]:
    """Require a usable virtual address in the network of both load balancers."""
    settings = rule_input.settings
    address = _virtual_address(settings)
    if address is None or settings.metal is None:
        return
    path, value = "endpoint.host", f'"{address}"'
    networks = settings.network.machines
    network = find_network(networks, address)
    if network is None:
        known = ", ".join(map(str, networks))
        yield Problem(
            path,
            value,
            f"the virtual address is not in network.machines ({known}); choose one of these networks",
        )
        return
    if network.num_addresses > 2 and address in (network[0], network[-1]):
        kind = "network" if address == network[0] else "broadcast"
        yield Problem(path, value, f"the {kind} address of {network}; choose a free address")
    for name in settings.load_balancers.hosts:
        host = settings.metal.hosts.get(name)
        if host and find_network(networks, host.address) != network:
            yield Problem(
                path,
                value,
                f"in {network}, but {name} ({host.address}) is not, so it cannot take over the address",
            )


@rule(needs=("endpoint.port", "load_balancers.hosts", "metal.ssh.port"))
def endpoint_port_is_free(rule_input: RuleInput) -> Iterator[Problem]:
    """Require an endpoint port that neither sshd nor the health check of haproxy uses."""
    settings = rule_input.settings
    if settings.endpoint is None or settings.metal is None or not settings.load_balancers.hosts:
        return
    port = settings.endpoint.port
    taken = {LOAD_BALANCER_HEALTH_PORT: CLUSTER_PORTS[LOAD_BALANCER_HEALTH_PORT]}
    taken |= dict.fromkeys(settings.metal.ssh_ports, "sshd")
    if port in taken:
        yield Problem(
            "endpoint.port", str(port), f"is the port of {taken[port]} on the load balancers; choose another"
        )


def _virtual_address(settings: Settings) -> IPv4Address | None:
    """Return the virtual address of the load balancers; None without load balancers, or for a DNS name."""
    if settings.endpoint is None or not settings.load_balancers.hosts:
        return None
    try:
        return IPv4Address(settings.endpoint.host)
    except AddressValueError:
        return None
