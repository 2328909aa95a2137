"""Conversion of the settings of external-dns to plain data."""

from __future__ import annotations

from assembly.dns_updates import build_rfc2136
from settings.cluster import Settings
from settings.types import parse_seconds
from topology.external_dns import ExternalDns


def build_external_dns(settings: Settings) -> ExternalDns | None:
    """Return the add-on that valid settings describe; None for a cluster without it."""
    section = settings.addons.external_dns
    if section is None:
        return None
    return ExternalDns(
        owner=settings.name or "",
        rfc2136=build_rfc2136(section.rfc2136),
        domains=section.domains or section.rfc2136.zones,
        sources=section.sources,
        policy=section.policy,
        interval_seconds=parse_seconds(section.interval),
    )
