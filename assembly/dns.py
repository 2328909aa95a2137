"""The options of the cluster's DNS, from the settings."""

from __future__ import annotations

from settings.dns import DnsSettings
from settings.types import parse_server
from topology.dns import Dns, Upstream


def build_dns(section: DnsSettings) -> Dns:
    """Return the options of the DNS that valid settings describe."""
    return Dns(
        upstreams=_upstreams(section.upstreams),
        stub_domains=tuple((domain, _upstreams(servers)) for domain, servers in section.stub_domains.items()),
        hosts=tuple(section.hosts.items()),
        rewrites=tuple(section.rewrites.items()),
        replicas=section.replicas or 0,
        node_cache=section.node_cache,
    )


def _upstreams(servers: tuple[str, ...]) -> tuple[Upstream, ...]:
    return tuple(Upstream(*parse_server(server)) for server in servers)
