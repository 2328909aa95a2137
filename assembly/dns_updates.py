"""Conversion of the settings of dynamic DNS updates to plain data."""

from __future__ import annotations

from settings.dns_updates import Rfc2136Settings
from settings.types import parse_server
from topology.dns_updates import Rfc2136


def build_rfc2136(section: Rfc2136Settings) -> Rfc2136:
    """Return the DNS server that valid settings describe."""
    address, port = parse_server(section.nameserver)
    return Rfc2136(str(address), port, section.zones, section.key_name, section.algorithm)
