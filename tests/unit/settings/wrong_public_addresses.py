"""Invalid public addresses of hosts behind NAT."""

from __future__ import annotations

from tests.unit.settings.support import HIGHLY_AVAILABLE, InvalidSettings

_NETWORKS = {"network.machines": ["10.0.0.0/24", "10.90.0.0/24"]}


_OTHERS = {"cp-3": 13, "w-1": 16, "w-2": 17, "w-3": 18}


def _public(host: str, message: str, address: object, **more: object) -> InvalidSettings:
    """Return invalid settings with a public address of a host of the cluster with two workers."""
    path = f"metal.hosts.{host}.public_address"
    return InvalidSettings(path, message, {path: address, **more})


PUBLIC_ADDRESSES = (
    _public("w-1", "not an IPv4 address", "nat.example.org"),
    _public("w-1", "not in network.machines (10.89.0.0/24, 10.90.0.0/24); add its network", "203.0.113.21"),
    _public("w-1", "in 10.89.0.0/24, the network of its address", "10.89.0.99"),
    _public(
        "w-1",
        "also the address of w-2",
        "10.90.0.22",
        **{"metal.hosts.w-2.address": "10.90.0.22", "metal.hosts.cp-1.public_address": "10.90.0.11"},
    ),
    _public(
        "w-2",
        "also the public address of w-1; each host needs its own address",
        "10.90.0.99",
        **{"metal.hosts.w-1.public_address": "10.90.0.99"},
    ),
    InvalidSettings(
        "metal.hosts.lb-1.public_address",
        "not for a load balancer, whose virtual address moves",
        {**_NETWORKS, "metal.hosts.lb-1.public_address": "10.90.0.14"},
        HIGHLY_AVAILABLE,
    ),
    InvalidSettings(
        "metal.hosts.cp-1.public_address",
        "need one network, but cp-2 (10.90.0.12) is not in 10.0.0.0/24",
        {
            **_NETWORKS,
            "metal.hosts.cp-1.public_address": "10.90.0.11",
            "metal.hosts.cp-2.address": "10.90.0.12",
            **{f"metal.hosts.{name}.public_address": f"10.90.0.{number}" for name, number in _OTHERS.items()},
        },
        HIGHLY_AVAILABLE,
        together_with=1,  # the endpoint is behind the NAT
    ),
    InvalidSettings(
        "metal.hosts.w-1.public_address",
        "missing; other hosts of 10.89.0.0/24 are behind NAT, so w-2 could not reach w-1",
        {"metal.hosts.cp-1.public_address": "10.90.0.11", "metal.hosts.w-2.address": "10.90.0.22"},
    ),
    InvalidSettings(
        "network.backend",
        "does not reach w-1 behind NAT; allowed: vxlan",
        {"network.backend": "host-gw", "metal.hosts.w-1.public_address": "10.90.0.21"},
    ),
    InvalidSettings(
        "network.cni",
        "not supported with hosts behind NAT, such as w-1; use flannel",
        {"network.cni": "cilium", "metal.hosts.w-1.public_address": "10.90.0.21"},
    ),
    InvalidSettings(
        "endpoint.host",
        "behind the NAT of 10.89.0.0/24, and w-2 (10.90.0.22) is not; use an address",
        {
            "endpoint": {"host": "10.89.0.11"},
            "metal.hosts.cp-1.public_address": "10.90.0.11",
            "metal.hosts.w-1.public_address": "10.90.0.21",
            "metal.hosts.w-2.address": "10.90.0.22",
        },
    ),
)
