"""Rules about the DNS of the cluster [H1]."""

from __future__ import annotations

from collections.abc import Iterator

from settings.cluster import Settings
from settings.domains import is_in_domain
from settings.problem import Problem
from settings.rules.base import RuleInput, rule
from settings.types import parse_server
from topology.dns import NODE_CACHE_ADDRESS

_NEEDS = ("dns", "network.domain", "network.pods", "network.services")


@rule(needs_valid=_NEEDS)
def dns_servers_are_outside_the_cluster(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse servers in the ranges of pods and services, and on the loopback of CoreDNS itself."""
    settings = rule_input.settings
    for path, server in _servers(settings):
        address = parse_server(server)[0]
        if address in settings.network.services:
            yield Problem(
                path,
                f'"{server}"',
                "lies in network.services, which CoreDNS itself serves; use a server outside the cluster",
            )
        elif address in settings.network.pods:
            yield Problem(
                path,
                f'"{server}"',
                "lies in network.pods, and pods change their addresses; use another server",
            )
        elif address.is_loopback:
            yield Problem(path, f'"{server}"', "is CoreDNS itself; name a server outside the pod")
        elif address == NODE_CACHE_ADDRESS:
            yield Problem(
                path,
                f'"{server}"',
                "is the address of dns.node_cache, which forwards to CoreDNS; use another server",
            )


@rule(needs_valid=_NEEDS)
def stub_domains_have_servers(rule_input: RuleInput) -> Iterator[Problem]:
    """Require servers for each stub domain, and leave the domain of the cluster to the cluster."""
    settings = rule_input.settings
    domain = settings.network.domain
    for stub, servers in settings.dns.stub_domains.items():
        path = f"dns.stub_domains.{stub}"
        if not servers:
            yield Problem(path, "", "is empty; name its servers or remove the domain")
        if is_in_domain(stub, domain) or is_in_domain(domain, stub):
            yield Problem(
                path,
                "",
                f"overlaps network.domain ({domain}), so services would not resolve; use another domain",
            )


@rule(needs_valid=_NEEDS)
def names_of_the_cluster_are_not_replaced(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse hosts and rewrites of names in the domain of the cluster, and rewrites of a name to itself."""
    dns, domain = rule_input.settings.dns, rule_input.settings.network.domain
    for address, names in dns.hosts.items():
        path = f"dns.hosts.{address}"
        if not names:
            yield Problem(path, "", "is empty; list its names, or remove the address")
        for name in names:
            if name.endswith(f".{domain}"):
                yield Problem(
                    path, f'"{name}"', f"lies in network.domain ({domain}); create a Service instead"
                )
    for name, target in dns.rewrites.items():
        path = f"dns.rewrites.{name}"
        if name.endswith(f".{domain}"):
            yield Problem(
                path, "", f"lies in network.domain ({domain}); create a Service of type ExternalName"
            )
        elif name == target:
            yield Problem(path, f'"{target}"', "is the same name; remove it")
        elif target in dns.rewrites:
            yield Problem(path, f'"{target}"', f"is rewritten too; use {dns.rewrites[target]}")


def _servers(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield each DNS server with the path of its setting."""
    for number, server in enumerate(settings.dns.upstreams):
        yield f"dns.upstreams[{number}]", server
    for domain, servers in settings.dns.stub_domains.items():
        for number, server in enumerate(servers):
            yield f"dns.stub_domains.{domain}[{number}]", server
