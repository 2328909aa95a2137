"""Settings of the add-on that publishes names in DNS zones, by external-dns [H1]."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from settings.base import Section
from settings.dns_updates import Rfc2136Settings
from settings.types import Duration, Subdomain, parse_seconds
from topology.external_dns import NameSource, RecordPolicy

_INTERVAL = (10, 3600)
"""The shortest and longest time between two comparisons, in seconds. Each one transfers all zones."""


def _validate_interval(duration: str) -> str:
    first, last = _INTERVAL
    if not first <= parse_seconds(duration) <= last:
        raise ValueError(f"allowed: {first}s to {last // 3600}h")
    return duration


class ExternalDnsSettings(Section):
    """external-dns, which publishes names of services and Ingress objects in DNS zones. It runs in the
    namespace `external-dns`.
    """

    rfc2136: Rfc2136Settings
    """The DNS server. The TSIG key must allow updates and transfers of the zones."""
    domains: tuple[Subdomain, ...] = ()
    """Domains whose names are published, each in one of the zones; default: the zones."""
    sources: tuple[NameSource, ...] = Field(default=(NameSource.SERVICE, NameSource.INGRESS), min_length=1)
    """Objects whose names are published: `service` (of type LoadBalancer) and `ingress`."""
    policy: RecordPolicy = RecordPolicy.UPSERT_ONLY
    """`upsert-only`: create and change records; `sync`: also remove the records of removed objects;
    `create-only`: never change a record.
    """
    interval: Annotated[Duration, AfterValidator(_validate_interval)] = "1m"
    """Time between two comparisons of all records; 10s to 1h. Changes of objects are published within
    seconds."""
