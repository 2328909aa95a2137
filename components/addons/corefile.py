"""The configuration of CoreDNS."""

from __future__ import annotations

from collections.abc import Sequence

from topology.dns import Dns, Upstream
from topology.model import Topology


def corefile(topology: Topology) -> str:
    """Return the Corefile of a cluster. Names of pods resolve only for existing pods."""
    dns = topology.dns
    stubs = "".join(_stub_domain(domain, servers) for domain, servers in dns.stub_domains)
    return f"""\
{stubs}.:53 {{
    errors
    health {{
        lameduck 5s
    }}
    ready
{_rewrites(dns)}{_hosts(dns)}    kubernetes {topology.network.domain} in-addr.arpa ip6.arpa {{
        pods verified
        fallthrough in-addr.arpa ip6.arpa
        ttl 30
    }}
    prometheus :9153
    forward . {_addresses(dns.upstreams) or "/etc/resolv.conf"} {{
        max_concurrent 1000
    }}
    cache 30
    loop
    reload
    loadbalance
}}
"""


def _stub_domain(domain: str, servers: Sequence[Upstream]) -> str:
    return f"""\
{domain}:53 {{
    errors
    prometheus :9153
    forward . {_addresses(servers)}
    cache 30
    reload
    loadbalance
}}
"""


def _hosts(dns: Dns) -> str:
    if not dns.hosts:
        return ""
    lines = "".join(f"        {address} {' '.join(names)}\n" for address, names in dns.hosts)
    return f"    hosts {{\n{lines}        fallthrough\n    }}\n"


def _rewrites(dns: Dns) -> str:
    # The answer has the name of the question, so that resolvers accept it.
    return "".join(
        f"    rewrite stop name exact {name} {target} answer auto\n" for name, target in dns.rewrites
    )


def _addresses(servers: Sequence[Upstream]) -> str:
    return " ".join(map(str, servers))
