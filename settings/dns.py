"""Settings of the cluster's DNS [H1]."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from settings.base import Section
from settings.types import Address, Subdomain, parse_server
from topology.dns import NodeCache


def _validate_server(text: str) -> str:
    parse_server(text)
    return text


DnsServer = Annotated[str, AfterValidator(_validate_server)]
"""The address of a DNS server, with a port if it is not 53."""


class DnsSettings(Section):
    """The DNS of the cluster. Names of services and pods always resolve as Kubernetes specifies."""

    replicas: int | None = Field(default=None, ge=1, le=100)
    """Number of CoreDNS pods; default: one for each 16 nodes or 256 cores, at least 2, and 1 in a cluster
    with one node. A pool in a cloud counts with its maximum size.
    """
    upstreams: tuple[DnsServer, ...] = Field(default=(), max_length=15)
    """Servers for names outside the cluster, such as `10.0.0.53` or `10.0.0.53:5353`; default: the servers in
    /etc/resolv.conf of the nodes.
    """
    stub_domains: dict[Subdomain, tuple[DnsServer, ...]] = Field(default_factory=dict)
    """Domains with their own servers, such as `corp.example: [10.0.0.53]`."""
    hosts: dict[Address, tuple[Subdomain, ...]] = Field(default_factory=dict)
    """Names of addresses, such as `10.0.0.9: [db.corp.example]`, as in /etc/hosts."""
    rewrites: dict[Subdomain, Subdomain] = Field(default_factory=dict)
    """Names that resolve like another name, such as `registry.example: registry.tools.svc.cluster.local`."""
    node_cache: NodeCache = NodeCache.NONE
    """DNS cache of each node at 169.254.20.10. `used`: new pods query the cache first; `idle`: the cache
    runs, but new pods do not query it, as a step before its removal; `none`: nodes have no cache.
    """
