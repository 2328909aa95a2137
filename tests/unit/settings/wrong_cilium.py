"""Invalid settings of Cilium."""

from __future__ import annotations

from tests.unit.settings.support import TWO_WORKERS, InvalidSettings, with_edits
from tests.unit.settings.wrong_clouds import AWS
from tests.unit.settings.wrong_network import ROW

WITH_CILIUM = with_edits(TWO_WORKERS, {"network.cni": "cilium"})
WITHOUT_PROXY = with_edits(WITH_CILIUM, {"network.cilium": {"kube_proxy_replacement": True}})


def wrong_option(key: str, value: object, message: str) -> InvalidSettings:
    """Return settings with an invalid option of Cilium."""
    return InvalidSettings(f"network.cilium.{key}", message, {"network.cilium": {key: value}}, WITH_CILIUM)


CILIUM = (
    # Options of Cilium
    wrong_option("routing_mode", "geneve", '"geneve": unknown; allowed: tunnel, native'),
    wrong_option("kube_proxy_replacement", "strict", '"strict": must be true or false'),
    wrong_option("version", "1.19.4", '"1.19.4": not supported; use a version 1.20.x, such as 1.20.2'),
    wrong_option("version", "v1.20.2", "not a version"),
    wrong_option("repository", "http://charts.example.com", "not an https URL"),
    InvalidSettings(
        "network.cilium.repository",
        "allowed only with a chart's name; remove it for a path or oci:// reference",
        {"network.cilium": {"chart": "./charts/cilium", "repository": "https://charts.example.com"}},
        WITH_CILIUM,
    ),
    wrong_option("chart", "oci://registry.example/cilium@sha256:1f2d", "no digest after @; write sha256:"),
    wrong_option("chart", "cilium@sha256:1f2d", "only oci:// references have digests; remove @"),
    *(
        InvalidSettings(
            "network.cilium",
            f"has no effect with network.cni: {cni}; set cni: cilium, or remove it",
            {"network.cni": cni, "network.cilium": {"hubble": True}},
        )
        for cni in ("flannel", "none")
    ),
    # Settings of flannel
    InvalidSettings(
        "network.backend",
        '"vxlan": is the backend of flannel; remove it, and set network.cilium.routing_mode',
        {"network.backend": "vxlan"},
        WITH_CILIUM,
    ),
    *(
        InvalidSettings(
            "network.policies",
            f'"{mode}": is for flannel; Cilium always enforces NetworkPolicy objects; remove it',
            {"network.policies": mode},
            WITH_CILIUM,
        )
        for mode in ("enforced", "none")
    ),
    # Settings of kube-proxy
    InvalidSettings(
        "network.proxy_mode",
        '"iptables": nodes have no kube-proxy with network.cilium.kube_proxy_replacement; remove it',
        {"network.proxy_mode": "iptables"},
        WITHOUT_PROXY,
    ),
    InvalidSettings(
        "proxy.extra_args",
        "nodes have no kube-proxy with network.cilium.kube_proxy_replacement; remove it",
        {"proxy.extra_args": {"v": "4"}},
        WITHOUT_PROXY,
    ),
    # Other settings of the network
    InvalidSettings(
        "dns.node_cache",
        '"used": does not work with network.cni: cilium',
        {"dns.node_cache": "used"},
        WITH_CILIUM,
    ),
    InvalidSettings(
        "addons.ingress.pool",
        '"workers": needs host ports of pods',
        {"addons.ingress": {"pool": "workers", "sources": ["0.0.0.0/0"]}},
        WITH_CILIUM,
    ),
    InvalidSettings(
        "network.cilium.routing_mode",
        "needs all nodes in one network, but: cp-1 in 10.89.0.0/24, w-2 in 10.90.0.0/24; use tunnel",
        {"network.cilium": {"routing_mode": "native"}, "metal.hosts.w-2.address": "10.90.0.22"},
        WITH_CILIUM,
    ),
    InvalidSettings(
        "network.cilium.routing_mode",
        "does not work in a cloud, because clouds drop packets with pod addresses; use tunnel",
        {"network.cni": "cilium", "network.cilium": {"routing_mode": "native"}},
        AWS,
    ),
    # Ports
    InvalidSettings(
        "network.ports.overlay.port",
        "Kubewright decides about 8472 (Cilium vxlan)",
        {"network.ports": {"overlay": ROW | {"port": 8472, "protocol": "udp"}}},
        WITH_CILIUM,
    ),
    InvalidSettings(
        "network.ports.health.port",
        "Kubewright decides about 4240 (Cilium's connections between nodes)",
        {"network.ports": {"health": ROW | {"port": 4240}}},
        WITH_CILIUM,
    ),
)
