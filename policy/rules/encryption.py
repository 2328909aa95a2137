"""Rules: data is encrypted at rest and in transit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from policy.rules.model import Resource, ResourceRule, StackFacts, StackRule
from policy.rules.stores import find_stores_without
from providers.registry import CLOUDS


def check_disk_encryption(resource: Resource, facts: StackFacts) -> Iterator[str]:
    """Yield a message for a disk without encryption."""
    if resource.cloud:
        yield from resource.cloud.readers.unencrypted_disks(resource.canonical_type, resource.inputs)


def check_transport_encryption(resource: Resource, facts: StackFacts) -> Iterator[str]:
    """Yield a message for a store that accepts connections without TLS 1.2 or later."""
    if resource.cloud:
        yield from resource.cloud.readers.weak_transport(resource.canonical_type, resource.inputs)


def check_store_encryption(
    resources: Sequence[Resource], facts: StackFacts
) -> Iterator[tuple[Resource, str]]:
    """Yield a message for each store of a cloud if there are fewer encryption resources than stores."""
    for cloud in CLOUDS:
        types = cloud.types
        yield from find_stores_without(
            resources, types.stores, types.store_encryptions, "encryption configurations"
        )


RULES = (
    ResourceRule(name="encrypted-disks", description="Disks are encrypted.", check=check_disk_encryption),
    ResourceRule(
        name="encrypted-transport",
        description="Stores accept only TLS connections.",
        check=check_transport_encryption,
    ),
    StackRule(name="encrypted-stores", description="Stores are encrypted.", check=check_store_encryption),
)
