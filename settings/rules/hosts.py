"""Rules about the inventory: names, addresses, SSH."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address

from settings.problem import Problem, closest_match
from settings.rules.base import Subject, rule
from settings.rules.roles import host_lists
from topology.network import find_duplicates, find_network


@rule(needs=("network.machines",), whole=("aws", "azure"))
def machines_have_networks(subject: Subject) -> Iterator[Problem]:
    """The firewall and the certificate approver admit the machines' networks alone."""
    if subject.settings.cloud:
        if subject.settings.network.machines:
            own = f"{subject.settings.cloud_name}.network.range"
            yield Problem("network.machines", "", f"is {own} in a cloud; leave it out here")
    elif not subject.settings.network.machines:
        yield Problem(
            "network.machines", "", "missing; name the networks of the hosts, such as [10.0.0.0/24]"
        )


@rule(whole=("network.machines",))
def addresses_are_the_machines(subject: Subject) -> Iterator[Problem]:
    """Every host's address is a usable one of the machines' networks."""
    networks = subject.settings.network.machines
    for name, address in _addresses(subject).items():
        path = f"metal.hosts.{name}.address"
        network = find_network(networks, address)
        if network is None and networks:
            known = ", ".join(map(str, networks))
            yield Problem(path, f'"{address}"', f"not in network.machines ({known}); add its network there")
        elif network and network.num_addresses > 2 and address in (network[0], network[-1]):
            kind = "network" if address == network[0] else "broadcast"
            yield Problem(path, f'"{address}"', f"is the {kind} address of {network}; give the host another")


@rule()
def addresses_are_their_own(subject: Subject) -> Iterator[Problem]:
    """No two hosts have one address."""
    for address, names in find_duplicates(_addresses(subject)):
        for name in names[1:]:
            path = f"metal.hosts.{name}.address"
            yield Problem(path, f'"{address}"', f"also the address of {names[0]}; each host needs its own")


@rule(needs=("metal.hosts",))
def hosts_are_in_the_inventory(subject: Subject) -> Iterator[Problem]:
    """A role names hosts of the inventory only."""
    if subject.settings.metal is None:
        return
    for path, names in host_lists(subject.settings):
        for position, name in enumerate(names):
            if name not in subject.hosts:
                meant = closest_match(name, subject.hosts)
                hint = f"did you mean {meant}?" if meant else "add it there"
                yield Problem(f"{path}[{position}]", f'"{name}"', f"not a host of metal.hosts; {hint}")


@rule(whole=("control_planes", "etcd", "load_balancers", "pools"))
def every_host_has_a_role(subject: Subject) -> Iterator[Problem]:
    """A host that nothing uses is a forgotten one, or one that was misspelt elsewhere."""
    used = {name for _, names in host_lists(subject.settings) for name in names}
    for name in subject.hosts:
        if name not in used:
            yield Problem(f"metal.hosts.{name}", "", "used by no role; name it in a pool or remove it here")


@rule(needs=("metal.ssh.private_key_file", "metal.ssh.agent"))
def hosts_can_be_logged_into(subject: Subject) -> Iterator[Problem]:
    """Every host has a key file, or the agent."""
    metal = subject.settings.metal
    if metal is None or metal.ssh.private_key_file or metal.ssh.agent:
        return
    without = [name for name, host in metal.hosts.items() if not host.ssh.private_key_file]
    if without:
        yield Problem(
            "metal.ssh",
            "",
            f"private_key_file or agent: true is missing; {_few(without)} could not be logged into",
        )


@rule(needs=("metal.ssh.known_hosts_file",))
def hosts_can_be_recognised(subject: Subject) -> Iterator[Problem]:
    """Every host's key is known beforehand: given, or in a known_hosts file."""
    metal = subject.settings.metal
    if metal is None or metal.ssh.known_hosts_file:
        return
    without = [name for name, host in metal.hosts.items() if not host.ssh.host_key]
    if without:
        yield Problem(
            "metal.ssh.known_hosts_file",
            "",
            f"missing, and {_few(without)} have no ssh.host_key either; hosts are never trusted unseen",
        )


def _addresses(subject: Subject) -> dict[str, IPv4Address]:
    metal = subject.settings.metal
    return {name: host.address for name, host in metal.hosts.items()} if metal else {}


def _few(names: list[str]) -> str:
    """Some of many names: enough to know which."""
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
