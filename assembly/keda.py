"""Conversion of the settings of KEDA to plain data."""

from __future__ import annotations

from settings.cluster import Settings
from settings.types import parse_seconds
from topology.keda import Keda


def build_keda(settings: Settings) -> Keda | None:
    """Return the add-on that valid settings describe; None for a cluster without it."""
    section = settings.addons.keda
    if section is None:
        return None
    kinds = (kind.partition(".") for kind in section.scaled_kinds)
    return Keda(
        scaled_kinds=tuple((resource, group) for resource, _, group in kinds),
        jobs=section.jobs,
        all_secrets=section.all_secrets,
        request_seconds=parse_seconds(section.request_timeout),
    )
