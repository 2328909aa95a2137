"""Settings of services of type LoadBalancer on bare metal, by MetalLB [G3]."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from settings.base import Section
from settings.types import Address, AddressRange, Duration, Name, parse_seconds
from topology.metallb import Announcement

_HOLD_TIME = (3, 180)
"""The shortest hold time of BGP (RFC 4271), and the longest that routers use by default, in seconds."""
_MAX_PASSWORD = 80
"""TCP_MD5SIG_MAXKEYLEN of the kernel."""

AsNumber = Annotated[int, Field(ge=1, le=4294967295)]
"""An autonomous system number (RFC 6793)."""


def _validate_hold_time(duration: str) -> str:
    first, last = _HOLD_TIME
    if not first <= parse_seconds(duration) <= last:
        raise ValueError(f"allowed: {first}s to {last}s")
    return duration


def _validate_password(password: SecretStr) -> SecretStr:
    if not 1 <= len(password.get_secret_value()) <= _MAX_PASSWORD:
        raise ValueError(f"has a wrong length; TCP MD5 takes 1 to {_MAX_PASSWORD} characters")
    return password


class AddressPoolSettings(Section):
    """A pool of addresses for services of type LoadBalancer."""

    addresses: tuple[AddressRange, ...] = Field(min_length=1)
    """Ranges of free addresses, as `FIRST-LAST` or `ADDRESS/LENGTH`."""
    announce: Announcement = Announcement.L2
    """`l2`: one node answers ARP requests for an address, so the pool is inside one of `network.machines`;
    `bgp`: all nodes announce the address to the routers in `peers`.
    """
    automatic: bool = True
    """Give addresses of this pool to services that name no pool. Other services name it in the annotation
    `metallb.io/address-pool`.
    """


class BgpPeerSettings(Section):
    """A router to which every node opens a BGP session."""

    address: Address
    """Address of the router."""
    asn: AsNumber
    """Autonomous system number of the router; with the number of the nodes, the session is internal."""
    port: int = Field(default=179, ge=1, le=16384)
    """TCP port of the router."""
    hold_time: Annotated[Duration, AfterValidator(_validate_hold_time)] = "6s"
    """Time after which the router removes the routes of a node that does not respond; 3s to 180s."""
    password: Annotated[SecretStr, AfterValidator(_validate_password)] | None = None
    """Password of the session (TCP MD5, RFC 2385), as an encrypted value (`secure: …`)."""


class MetalLbSettings(Section):
    """MetalLB, which gives addresses to services of type LoadBalancer and announces them; bare metal only."""

    pools: dict[Name, AddressPoolSettings] = Field(default_factory=dict)
    """Address pools by name; at least one is required."""
    asn: AsNumber | None = None
    """Autonomous system number of the nodes; required with `peers`."""
    peers: dict[Name, BgpPeerSettings] = Field(default_factory=dict)
    """BGP peers by name; required for pools with `announce: bgp`."""
