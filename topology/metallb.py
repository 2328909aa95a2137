"""Services of type LoadBalancer on bare metal, by MetalLB: address pools and BGP peers [G3]."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address

NAMESPACE = "metallb-system"
"""The namespace of MetalLB."""
NOT_BALANCED_LABEL = "node.kubernetes.io/exclude-from-external-load-balancers"
"""The label that excludes a node from the load balancers of services, in clouds too; as in kubeadm."""


class Announcement(StrEnum):
    """How nodes announce the addresses of a pool: by ARP in their own network, or by BGP to routers."""

    L2 = "l2"
    BGP = "bgp"


@dataclass(frozen=True, slots=True)
class AddressPool:
    """Addresses for services. `ranges` are pairs of the first and the last address.

    Services that name no pool get an address of a pool with `automatic`.
    """

    name: str
    ranges: tuple[tuple[IPv4Address, IPv4Address], ...]
    announcement: Announcement
    automatic: bool


@dataclass(frozen=True, slots=True)
class BgpPeer:
    """A router to which every node announces addresses by BGP.

    `hold_seconds` is the time after which the router ignores a node that does not respond. The password is
    not a part of the topology, because it is a secret.
    """

    name: str
    address: IPv4Address
    port: int
    asn: int
    hold_seconds: int
    has_password: bool


@dataclass(frozen=True, slots=True)
class MetalLb:
    """The configuration of MetalLB. `asn` is the autonomous system number of the nodes; 0 without peers."""

    pools: tuple[AddressPool, ...]
    peers: tuple[BgpPeer, ...]
    asn: int

    def pools_by(self, announcement: Announcement) -> tuple[AddressPool, ...]:
        """Return the pools that nodes announce in this way."""
        return tuple(pool for pool in self.pools if pool.announcement is announcement)
