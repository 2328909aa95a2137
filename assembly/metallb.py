"""The configuration of MetalLB, from the settings."""

from __future__ import annotations

from settings.metallb import AddressPoolSettings, BgpPeerSettings, MetalLbSettings
from settings.types import parse_seconds
from topology.metallb import AddressPool, BgpPeer, MetalLb


def build_metallb(section: MetalLbSettings | None) -> MetalLb | None:
    """Return the configuration that valid settings describe; None if the cluster has no MetalLB."""
    if section is None:
        return None
    return MetalLb(
        pools=tuple(_pool(name, pool) for name, pool in section.pools.items()),
        peers=tuple(_peer(name, peer) for name, peer in section.peers.items()),
        asn=section.asn or 0,
    )


def _pool(name: str, settings: AddressPoolSettings) -> AddressPool:
    return AddressPool(name, settings.addresses, settings.announce, settings.automatic)


def _peer(name: str, settings: BgpPeerSettings) -> BgpPeer:
    return BgpPeer(
        name=name,
        address=settings.address,
        port=settings.port,
        asn=settings.asn,
        hold_seconds=parse_seconds(settings.hold_time),
        has_password=settings.password is not None,
    )
