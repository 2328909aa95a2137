"""Rules about conflicts of ports."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from settings.cluster import Settings
from settings.problem import Problem, suggestion
from settings.rules.base import RuleInput, rule
from topology.dns import NodeCache
from topology.model import Role
from topology.options import NetworkPlugin
from topology.ports import (
    API_PORT,
    CILIUM_HEALTH_PORT,
    CILIUM_LOCAL_PORTS,
    CLUSTER_PORTS,
    DNS_CACHE_HEALTH_PORTS,
    DNS_CACHE_METRICS_PORTS,
    HOST_METRICS_PORT,
    HUBBLE_PORT,
    MEMBERLIST_PORT,
    NODE_EXPORTER_PORT,
    SPEAKER_HEALTH_PORT,
    SSH_PORT,
    VXLAN_PORT,
)

_COMPONENTS = ("network.cni", "dns.node_cache", "addons.load_balancer", "addons.monitoring")
"""The settings that `_taken_ports` reads."""


@rule(needs=("network.node_ports", *_COMPONENTS))
def node_ports_are_free(rule_input: RuleInput) -> Iterator[Problem]:
    """Require a node port range without ports of cluster components."""
    first, last = rule_input.settings.network.node_ports
    ports = _taken_ports(rule_input.settings)
    taken = [f"{port} ({owner})" for port, owner in ports.items() if first <= port <= last]
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


@rule(needs_valid=("network.ports", "network.node_ports"), needs=_COMPONENTS)
def opened_ports_are_free(rule_input: RuleInput) -> Iterator[Problem]:
    """Require ports that no component of the cluster has, and no two entries for the same port."""
    network, ports = rule_input.settings.network, _taken_ports(rule_input.settings)
    names: list[str] = []
    for name, entry in network.ports.items():
        first, last = entry.port
        path, value = f"network.ports.{name}.port", str(first) if first == last else f'"{first}-{last}"'
        taken = [f"{port} ({owner})" for port, owner in ports.items() if first <= port <= last]
        if taken:
            yield Problem(path, value, f"Kubewright decides about {', '.join(taken)}; choose another port")
        start, end = network.node_ports
        if first <= end and start <= last:
            yield Problem(
                path,
                value,
                f"overlaps network.node_ports ({start}-{end}), which are open; choose another port",
            )
        for other in names:
            others = network.ports[other]
            overlap = first <= others.port[1] and others.port[0] <= last
            if overlap and entry.protocol == others.protocol and set(entry.roles) & set(others.roles):
                yield Problem(path, value, f"overlaps network.ports.{other}; join the entries")
        names.append(name)


@rule(needs_valid=("network.ports",), needs=("load_balancers.hosts",))
def opened_ports_have_machines(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse the role of load balancers in a cluster that has none."""
    settings = rule_input.settings
    for name, entry in settings.network.ports.items():
        if Role.LOAD_BALANCER in entry.roles and not settings.load_balancers.hosts:
            yield Problem(
                f"network.ports.{name}.roles",
                f'"{Role.LOAD_BALANCER}"',
                "the cluster has no load_balancers; remove the role",
            )


@rule(needs_valid=("network.ports", "pools"))
def opened_ports_have_pools(rule_input: RuleInput) -> Iterator[Problem]:
    """Require existing pools, and no roles beside them."""
    settings = rule_input.settings
    for name, entry in settings.network.ports.items():
        path = f"network.ports.{name}"
        for number, pool in enumerate(entry.pools):
            if pool not in settings.pools:
                hint = suggestion(pool, settings.pools, "add it to pools")
                yield Problem(f"{path}.pools[{number}]", f'"{pool}"', f"no such pool of workers; {hint}")
        if entry.pools and "roles" in entry.model_fields_set:
            yield Problem(
                f"{path}.roles", "", "has no effect with pools, whose nodes open the port; remove one of them"
            )


@rule(needs=("metal.ssh.port", "network.node_ports", *_COMPONENTS))
def ssh_ports_are_free(rule_input: RuleInput) -> Iterator[Problem]:
    """Require SSH ports that no component and no service uses."""
    settings = rule_input.settings
    if settings.metal is None:
        return
    first, last = settings.network.node_ports
    taken = _taken_ports(settings)
    ports = {"metal.ssh.port": settings.metal.ssh.port}
    for name, host in settings.metal.hosts.items():
        if host.ssh.port is not None and host.ssh.address is None:
            ports[f"metal.hosts.{name}.ssh.port"] = host.ssh.port
    for path, port in ports.items():
        owner = taken.get(port, "") if port != SSH_PORT else ""
        if first <= port <= last:
            owner = f"network.node_ports ({first}-{last})"
        if owner:
            yield Problem(path, str(port), f"is the port of {owner}; let sshd listen on another")


def _taken_ports(settings: Settings) -> Mapping[int, str]:
    """Return the ports of the components that the cluster has, with the component."""
    absent: set[int] = set()
    if settings.network.cni is not NetworkPlugin.CILIUM:
        absent |= {CILIUM_HEALTH_PORT, HUBBLE_PORT, *CILIUM_LOCAL_PORTS}
    if settings.network.cni is NetworkPlugin.NONE:
        absent.add(VXLAN_PORT)
    if settings.dns.node_cache is NodeCache.NONE:
        absent |= {*DNS_CACHE_METRICS_PORTS, *DNS_CACHE_HEALTH_PORTS}
    if settings.addons.load_balancer is None:
        absent |= {MEMBERLIST_PORT, SPEAKER_HEALTH_PORT}
    if settings.addons.monitoring is None:
        absent |= {HOST_METRICS_PORT, NODE_EXPORTER_PORT}
    owners = {port: owner for port, owner in CLUSTER_PORTS.items() if port not in absent}
    if settings.network.cni is NetworkPlugin.CILIUM:
        owners[VXLAN_PORT] = "Cilium vxlan"
    return owners
