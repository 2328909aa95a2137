"""The add-on that publishes names in DNS zones, by external-dns, as plain data [H1]."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from topology.dns_updates import Rfc2136

NAMESPACE = "external-dns"
"""The namespace of the add-on."""


class NameSource(StrEnum):
    """A kind of objects whose names are published."""

    SERVICE = "service"
    INGRESS = "ingress"


class RecordPolicy(StrEnum):
    """What happens to the records of changed and of removed objects."""

    CREATE_ONLY = "create-only"
    UPSERT_ONLY = "upsert-only"
    SYNC = "sync"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalDns:
    """external-dns with its DNS server.

    `owner` is in the TXT record beside each record, so that other clusters can use the same zones. `domains`
    are the domains whose names are published.
    """

    owner: str
    rfc2136: Rfc2136
    domains: tuple[str, ...]
    sources: tuple[NameSource, ...]
    policy: RecordPolicy
    interval_seconds: int
