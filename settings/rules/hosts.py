"""Rules about the inventory: names, addresses and SSH."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address

from formats.lists import shorten_list
from settings.cluster import CLOUD_SECTIONS
from settings.known_hosts import KEY_TYPES
from settings.problem import Problem, suggestion
from settings.rules.base import RuleInput, rule
from settings.rules.roles import host_lists
from topology.network import find_duplicates, find_network


@rule(needs=("network.machines",), needs_valid=(*CLOUD_SECTIONS,))
def machine_networks_are_set(rule_input: RuleInput) -> Iterator[Problem]:
    """Require `network.machines` on bare metal, and refuse it in clouds."""
    if rule_input.settings.cloud:
        if rule_input.settings.network.machines:
            own = f"{rule_input.settings.cloud_name}.network.range"
            yield Problem("network.machines", "", f"not allowed in a cloud, where {own} is used; remove it")
    elif not rule_input.settings.network.machines:
        yield Problem("network.machines", "", "missing; add the networks of the hosts, such as [10.0.0.0/24]")


@rule(needs_valid=("network.machines",))
def host_addresses_are_in_networks(rule_input: RuleInput) -> Iterator[Problem]:
    """Require that the address of each host is a usable address in `network.machines`."""
    networks = rule_input.settings.network.machines
    for name, address in _host_addresses(rule_input).items():
        path = f"metal.hosts.{name}.address"
        network = find_network(networks, address)
        if network is None and networks:
            known = ", ".join(map(str, networks))
            yield Problem(path, f'"{address}"', f"not in network.machines ({known}); add its network there")
        elif network and network.num_addresses > 2 and address in (network[0], network[-1]):
            kind = "network" if address == network[0] else "broadcast"
            yield Problem(
                path, f'"{address}"', f"the {kind} address of {network}; give the host another address"
            )


@rule()
def host_addresses_are_unique(rule_input: RuleInput) -> Iterator[Problem]:
    """Require different addresses for all hosts."""
    for address, names in find_duplicates(_host_addresses(rule_input)):
        for name in names[1:]:
            path = f"metal.hosts.{name}.address"
            yield Problem(
                path, f'"{address}"', f"also the address of {names[0]}; each host needs its own address"
            )


@rule(needs=("metal.hosts",))
def roles_name_inventory_hosts(rule_input: RuleInput) -> Iterator[Problem]:
    """Require that lists of hosts contain only hosts of the inventory."""
    if rule_input.settings.metal is None:
        return
    for path, names in host_lists(rule_input.settings):
        for position, name in enumerate(names):
            if name not in rule_input.hosts:
                hint = suggestion(name, rule_input.hosts, "add it there")
                yield Problem(f"{path}[{position}]", f'"{name}"', f"not a host of metal.hosts; {hint}")


@rule(needs_valid=("control_planes", "etcd", "load_balancers", "pools"))
def every_host_has_a_role(rule_input: RuleInput) -> Iterator[Problem]:
    """Require a role for each host, because a host without a role is probably a mistake."""
    used = {name for _, names in host_lists(rule_input.settings) for name in names}
    for name in rule_input.hosts:
        if name not in used:
            yield Problem(f"metal.hosts.{name}", "", "has no role; name it in a pool or remove it here")


@rule(needs=("metal.ssh.private_key_file", "metal.ssh.agent"))
def hosts_have_ssh_credentials(rule_input: RuleInput) -> Iterator[Problem]:
    """Require an SSH key file or the SSH agent for each host."""
    metal = rule_input.settings.metal
    if metal is None or metal.ssh.private_key_file or metal.ssh.agent:
        return
    hosts_without_key = [name for name, host in metal.hosts.items() if not host.ssh.private_key_file]
    if hosts_without_key:
        yield Problem(
            "metal.ssh",
            "",
            "private_key_file or agent: true is missing; add it to log in to "
            f"{shorten_list(hosts_without_key, 3)}",
        )


@rule(needs=("metal.ssh.known_hosts_file",))
def hosts_have_known_keys(rule_input: RuleInput) -> Iterator[Problem]:
    """Require the host key of each host, either in the settings or in a known_hosts file."""
    metal = rule_input.settings.metal
    if metal is None or metal.ssh.known_hosts_file:
        return
    hosts_without_key = [name for name, host in metal.hosts.items() if not host.ssh.host_key]
    if hosts_without_key:
        yield Problem(
            "metal.ssh.known_hosts_file",
            "",
            f"missing; add it, or ssh.host_key to {shorten_list(hosts_without_key, 3)}: "
            "unknown hosts are not trusted",
        )


@rule(needs=("metal",))
def host_keys_have_usable_types(rule_input: RuleInput) -> Iterator[Problem]:
    """Require a type of host key that works with pulumi-command and with current versions of OpenSSH."""
    for path, key in _host_keys(rule_input):
        key_type = next(iter(key.split()), "")
        if key_type not in KEY_TYPES:
            yield Problem(
                path,
                f'"{key_type}"',
                "host keys of this type do not work with pulumi-command; use the host's key of type "
                f"{KEY_TYPES[0]} or ecdsa-sha2-…",
            )


def _host_keys(rule_input: RuleInput) -> Iterator[tuple[str, str]]:
    """Yield the path and the text of each host key in the settings."""
    metal = rule_input.settings.metal
    if metal is None:
        return
    if metal.ssh.bastion and metal.ssh.bastion.host_key:
        yield "metal.ssh.bastion.host_key", metal.ssh.bastion.host_key
    for name, host in metal.hosts.items():
        if host.ssh.host_key:
            yield f"metal.hosts.{name}.ssh.host_key", host.ssh.host_key
        if host.ssh.bastion and host.ssh.bastion.host_key:
            yield f"metal.hosts.{name}.ssh.bastion.host_key", host.ssh.bastion.host_key


def _host_addresses(rule_input: RuleInput) -> dict[str, IPv4Address]:
    metal = rule_input.settings.metal
    return {name: host.address for name, host in metal.hosts.items()} if metal else {}
