"""Invalid settings of services of type LoadBalancer on bare metal."""

from __future__ import annotations

from typing import Any

from tests.unit.settings.support import HIGHLY_AVAILABLE, InvalidSettings
from tests.unit.settings.wrong_clouds import AWS

SECTION = "addons.load_balancer"
ROUTER: dict[str, Any] = {"address": "10.89.0.1", "asn": 64512}
BGP_POOL: dict[str, Any] = {"addresses": ["198.51.100.0/28"], "announce": "bgp"}
BGP: dict[str, Any] = {"asn": 64513, "pools": {"edge": BGP_POOL}, "peers": {"rack": ROUTER}}


def with_range(addresses: str, message: str, **more: Any) -> InvalidSettings:  # noqa: ANN401 - JSON
    """Return invalid settings with one pool, whose only range is wrong."""
    pool = {"addresses": [addresses], **more}
    return InvalidSettings(
        f"{SECTION}.pools.public.addresses[0]",
        message,
        {SECTION: {"pools": {"public": pool}}, "registries": {}},
    )


def with_peer(key: str, message: str, peer: dict[str, Any]) -> InvalidSettings:
    """Return invalid settings with one BGP peer, whose `key` is wrong."""
    return InvalidSettings(
        f"{SECTION}.peers.rack.{key}", message, {SECTION: BGP | {"peers": {"rack": ROUTER | peer}}}
    )


METALLB = (
    # Ranges of addresses
    with_range("10.89.0.240", "not a range of addresses; allowed: FIRST-LAST such as 10.0.0.240-10.0.0.250"),
    with_range("10.89.0.250-10.89.0.240", "the first address, 10.89.0.250, is above the last, 10.89.0.240"),
    with_range("10.89.0.240/24", "has bits set after its prefix; the network is 10.89.0.0/24"),
    with_range("127.0.0.1-127.0.0.9", "contains addresses of 127.0.0.0/8, loopback"),
    with_range("10.244.1.0-10.244.1.9", "overlaps network.pods (10.244.0.0/16)"),
    with_range("10.96.0.0/28", "overlaps network.services (10.96.0.0/20)"),
    with_range("10.91.0.0/28", "is not inside one of network.machines (10.89.0.0/24, 10.90.0.0/24)"),
    with_range("10.89.0.250-10.90.0.9", "is not inside one of network.machines"),
    with_range("10.90.0.0-10.90.0.9", "contains 10.90.0.0, the network address of 10.90.0.0/24"),
    with_range("10.90.0.250-10.90.0.255", "contains 10.90.0.255, the broadcast address of 10.90.0.0/24"),
    with_range("10.90.0.40-10.90.0.49", "is in 10.90.0.0/24, but the node w-1 (10.89.0.21) is not"),
    with_range("10.89.0.20-10.89.0.30", "contains 10.89.0.21, the address of the host w-1"),
    InvalidSettings(
        f"{SECTION}.pools.public.addresses[0]",
        "contains 10.0.0.100, the address of endpoint.host",
        {f"{SECTION}.pools.public.addresses": ["10.0.0.96-10.0.0.110"]},
        HIGHLY_AVAILABLE,
    ),
    InvalidSettings(
        f"{SECTION}.pools.public.addresses[0]",
        "contains 10.0.0.2, the address of artifacts.mirror",
        {f"{SECTION}.pools.public.addresses": ["10.0.0.1-10.0.0.3"]},
        HIGHLY_AVAILABLE,
    ),
    InvalidSettings(
        f"{SECTION}.pools.public.addresses[0]",
        "contains 10.89.0.1, the address of registries._default.endpoint",
        {f"{SECTION}.pools.public.addresses": ["10.89.0.1-10.89.0.3"]},
    ),
    InvalidSettings(
        f"{SECTION}.pools.public.addresses[0]",
        "contains 10.89.0.53, the address of a DNS server in dns",
        {f"{SECTION}.pools.public.addresses": ["10.89.0.50-10.89.0.60"], "dns.upstreams": ["10.89.0.53"]},
    ),
    InvalidSettings(
        f"{SECTION}.pools.public.addresses[0]",
        "contains 10.89.0.60, the address of metal.ssh.bastion.host",
        {
            f"{SECTION}.pools.public.addresses": ["10.89.0.60-10.89.0.70"],
            "metal.ssh.bastion": {"host": "10.89.0.60"},
        },
    ),
    InvalidSettings(
        f"{SECTION}.pools.local.addresses[0]",
        "contains 10.89.0.201, the address of the peer rack",
        {
            SECTION: BGP
            | {
                "pools": {"edge": BGP_POOL, "local": {"addresses": ["10.89.0.200-10.89.0.209"]}},
                "peers": {"rack": ROUTER | {"address": "10.89.0.201"}},
            }
        },
    ),
    InvalidSettings(
        f"{SECTION}.pools.edge.addresses[0]",
        "overlaps 10.90.0.0/24 of network.machines, whose machines find addresses by ARP",
        {SECTION: BGP | {"pools": {"edge": BGP_POOL | {"addresses": ["10.90.0.128/28"]}}}},
    ),
    InvalidSettings(
        f"{SECTION}.pools.other.addresses[0]",
        f"overlaps {SECTION}.pools.public.addresses[0]; join the ranges",
        {
            f"{SECTION}.pools": {
                "public": {"addresses": ["10.89.0.200-10.89.0.210"]},
                "other": {"addresses": ["10.89.0.210-10.89.0.220"]},
            }
        },
    ),
    InvalidSettings(
        f"{SECTION}.pools.public.addresses[1]",
        f"overlaps {SECTION}.pools.public.addresses[0]",
        {f"{SECTION}.pools.public.addresses": ["10.89.0.200-10.89.0.210", "10.89.0.205-10.89.0.206"]},
    ),
    # Pools and peers
    InvalidSettings(f"{SECTION}.pools", "missing; name a pool", {SECTION: {}}),
    InvalidSettings(
        f"{SECTION}.pools.public.addresses",
        "must have at least 1 entry",
        {f"{SECTION}.pools.public.addresses": []},
    ),
    InvalidSettings(
        f"{SECTION}.pools.edge.announce", "needs routers", {SECTION: {"pools": {"edge": BGP_POOL}}}
    ),
    InvalidSettings(
        f"{SECTION}.pools.edge.announce",
        '"ospf": unknown; allowed: l2, bgp',
        {SECTION: BGP | {"pools": {"edge": BGP_POOL | {"announce": "ospf"}}}},
    ),
    InvalidSettings(
        f"{SECTION}.peers",
        "no pool has announce: bgp",
        {SECTION: BGP | {"pools": {"public": {"addresses": ["10.89.0.200-10.89.0.210"]}}}},
    ),
    InvalidSettings(f"{SECTION}.asn", "missing; set the number of the nodes", {SECTION: BGP | {"asn": None}}),
    InvalidSettings(
        f"{SECTION}.asn",
        "64513: has no effect without peers",
        {SECTION: {"asn": 64513, "pools": {"public": {"addresses": ["10.89.0.200-10.89.0.210"]}}}},
    ),
    InvalidSettings(f"{SECTION}.asn", "0: must be at least 1", {SECTION: BGP | {"asn": 0}}),
    InvalidSettings(f"{SECTION}.asn", "65535: is reserved (RFC 7300)", {SECTION: BGP | {"asn": 65535}}),
    with_peer("asn", "must be at most 4294967295", {"asn": 4294967296}),
    with_peer("asn", "23456: is AS_TRANS (RFC 6793)", {"asn": 23456}),
    with_peer("address", '"10.244.0.7": lies in network.pods', {"address": "10.244.0.7"}),
    with_peer("address", '"10.96.0.7": lies in network.services', {"address": "10.96.0.7"}),
    with_peer("address", "is the host w-2 of this cluster", {"address": "10.89.0.22"}),
    with_peer("address", "not an IPv4 address", {"address": "router.example"}),
    with_peer("port", "must be at most 16384", {"port": 20000}),
    with_peer("hold_time", "allowed: 3s to 180s", {"hold_time": "2s"}),
    with_peer("password", "has a wrong length; TCP MD5 takes 1 to 80 characters", {"password": "x" * 81}),
    InvalidSettings(
        f"{SECTION}.peers.spare.address",
        "is the peer rack too; remove one of them",
        {SECTION: BGP | {"peers": {"rack": ROUTER, "spare": ROUTER}}},
    ),
    # Other settings
    InvalidSettings(
        SECTION,
        "only for bare metal; the controller of aws serves services of type LoadBalancer",
        {f"{SECTION}.pools.public.addresses": ["10.89.0.200-10.89.0.210"]},
        AWS,
    ),
    InvalidSettings(
        "access.namespaces.metallb-system",
        "belongs to addons.load_balancer",
        {
            f"{SECTION}.pools.public.addresses": ["10.89.0.200-10.89.0.210"],
            "access.namespaces": {"metallb-system": {}},
        },
    ),
    InvalidSettings(
        "helm_releases.metallb.namespace",
        '"metallb-system": belongs to addons.load_balancer',
        {
            f"{SECTION}.pools.public.addresses": ["10.89.0.200-10.89.0.210"],
            "helm_releases.metallb": {
                "chart": "./charts/metallb",
                "namespace": "metallb-system",
                "create_namespace": True,
            },
        },
    ),
    InvalidSettings(
        "network.ports.gossip.port",
        "7946: Kubewright decides about 7946 (MetalLB's speakers)",
        {
            f"{SECTION}.pools.public.addresses": ["10.89.0.200-10.89.0.210"],
            "network.ports": {"gossip": {"port": 7946, "sources": ["10.0.0.0/8"], "because": "gossip"}},
        },
    ),
)
