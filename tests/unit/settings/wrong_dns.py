"""Invalid settings of the cluster's DNS."""

from __future__ import annotations

from tests.unit.settings.support import InvalidSettings

DNS = (
    InvalidSettings("dns.replicas", "0: must be at least 1", {"dns.replicas": 0}),
    InvalidSettings(
        "dns.upstreams[0]",
        '"dns.example": not a DNS server; allowed: ADDRESS or ADDRESS:PORT',
        {"dns.upstreams": ["dns.example"]},
    ),
    InvalidSettings(
        "dns.upstreams[1]", "not a DNS server", {"dns.upstreams": ["192.0.2.1", "192.0.2.1:70000"]}
    ),
    InvalidSettings("dns.upstreams[0]", "lies in network.services", {"dns.upstreams": ["10.96.0.10"]}),
    InvalidSettings("dns.upstreams[0]", "lies in network.pods", {"dns.upstreams": ["10.244.1.5"]}),
    InvalidSettings("dns.upstreams[0]", "is CoreDNS itself", {"dns.upstreams": ["127.0.0.1:53"]}),
    InvalidSettings(
        "dns.upstreams[0]", "is the address of dns.node_cache", {"dns.upstreams": ["169.254.20.10"]}
    ),
    InvalidSettings(
        "network.ports.exporter.port",
        "Kubewright decides about 9253 (metrics of the DNS cache)",
        {
            "dns.node_cache": "idle",
            "network.ports": {"exporter": {"port": 9253, "sources": ["192.0.2.0/24"], "because": "metrics"}},
        },
    ),
    InvalidSettings("dns.node_cache", "true: unknown; allowed: none, idle, used", {"dns.node_cache": True}),
    InvalidSettings(
        "dns.upstreams",
        "has 16 entries; allowed: at most 15",
        {"dns.upstreams": [f"192.0.2.{number}" for number in range(1, 17)]},
    ),
    InvalidSettings(
        "dns.stub_domains.corp.example[0]",
        "lies in network.pods",
        {"dns.stub_domains": {"corp.example": ["10.244.0.2"]}},
    ),
    InvalidSettings(
        "dns.stub_domains.corp.example",
        "is empty; name its servers",
        {"dns.stub_domains": {"corp.example": []}},
    ),
    InvalidSettings(
        "dns.stub_domains.svc.cluster.local",
        "overlaps network.domain (cluster.local)",
        {"dns.stub_domains": {"svc.cluster.local": ["192.0.2.1"]}},
    ),
    InvalidSettings(
        "dns.stub_domains.local", "overlaps network.domain", {"dns.stub_domains": {"local": ["192.0.2.1"]}}
    ),
    InvalidSettings("dns.hosts.192.0.2.9", "is empty; list its names", {"dns.hosts": {"192.0.2.9": []}}),
    InvalidSettings(
        "dns.hosts.192.0.2.9",
        '"web.default.svc.cluster.local": lies in network.domain',
        {"dns.hosts": {"192.0.2.9": ["web.default.svc.cluster.local"]}},
    ),
    InvalidSettings(
        "dns.rewrites.a.svc.cluster.local",
        "create a Service of type ExternalName",
        {"dns.rewrites": {"a.svc.cluster.local": "b.example"}},
    ),
    InvalidSettings(
        "dns.rewrites.a.example", "is the same name; remove it", {"dns.rewrites": {"a.example": "a.example"}}
    ),
    InvalidSettings(
        "dns.rewrites.a.example",
        '"b.example": is rewritten too; use c.example',
        {"dns.rewrites": {"a.example": "b.example", "b.example": "c.example"}},
    ),
)
