"""Rules about conflicts of ports."""

from __future__ import annotations

from collections.abc import Iterator

from settings.problem import Problem
from settings.rules.base import RuleInput, rule
from topology.ports import API_PORT, CLUSTER_PORTS, SSH_PORT


@rule(needs=("network.node_ports",))
def node_ports_are_free(rule_input: RuleInput) -> Iterator[Problem]:
    """Require a node port range without ports of cluster components."""
    first, last = rule_input.settings.network.node_ports
    taken = [f"{port} ({owner})" for port, owner in CLUSTER_PORTS.items() if first <= port <= last]
    if taken:
        yield Problem(
            "network.node_ports",
            f'"{first}-{last}"',
            f"contains ports that are in use: {', '.join(taken)}; use another range, such as 30000-32767",
        )


@rule(needs=("network.node_ports", "endpoint.port"))
def endpoint_port_is_outside_node_ports(rule_input: RuleInput) -> Iterator[Problem]:
    """Require an endpoint port outside the node port range."""
    settings = rule_input.settings
    first, last = settings.network.node_ports
    if settings.endpoint and settings.endpoint.port != API_PORT and first <= settings.endpoint.port <= last:
        yield Problem(
            "endpoint.port",
            str(settings.endpoint.port),
            f"is inside network.node_ports ({first}-{last}); choose one outside",
        )


@rule(needs=("metal.ssh.port", "network.node_ports"))
def ssh_ports_are_free(rule_input: RuleInput) -> Iterator[Problem]:
    """Require SSH ports that no component and no service uses."""
    settings = rule_input.settings
    if settings.metal is None:
        return
    first, last = settings.network.node_ports
    ports = {"metal.ssh.port": settings.metal.ssh.port}
    for name, host in settings.metal.hosts.items():
        if host.ssh.port is not None and host.ssh.address is None:
            ports[f"metal.hosts.{name}.ssh.port"] = host.ssh.port
    for path, port in ports.items():
        owner = CLUSTER_PORTS.get(port, "") if port != SSH_PORT else ""
        if first <= port <= last:
            owner = f"network.node_ports ({first}-{last})"
        if owner:
            yield Problem(path, str(port), f"is the port of {owner}; let sshd listen on another")
