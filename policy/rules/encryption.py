"""Rules: data at rest and in transit is encrypted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from policy.rules.model import Resource, ResourceRule, StackFacts, StackRule
from providers.registry import CLOUDS


def check_disks(resource: Resource, facts: StackFacts) -> Iterator[str]:
    """Yield disks without encryption."""
    if resource.cloud:
        yield from resource.cloud.readers.unencrypted_disks(resource.canonical_type, resource.inputs)


def check_transport(resource: Resource, facts: StackFacts) -> Iterator[str]:
    """Yield stores that accept connections without TLS 1.2 or later."""
    if resource.cloud:
        yield from resource.cloud.readers.weak_transport(resource.canonical_type, resource.inputs)


def check_stores(resources: Sequence[Resource], facts: StackFacts) -> Iterator[tuple[Resource, str]]:
    """Yield the stores of a cloud that has fewer encryption resources than stores.

    The names of stores may be unknown before the update, so resources are counted instead of matched.
    """
    for cloud in CLOUDS:
        stores = [each for each in resources if each.canonical_type in cloud.types.stores]
        encryptions = [each for each in resources if each.canonical_type in cloud.types.store_encryptions]
        if cloud.types.store_encryptions and len(encryptions) < len(stores):
            for store in stores:
                yield store, f"{len(stores)} stores, but {len(encryptions)} encryption configurations"


RULES = (
    ResourceRule(name="encrypted-disks", description="Disks are encrypted.", check=check_disks),
    ResourceRule(
        name="encrypted-transport", description="Stores accept only TLS connections.", check=check_transport
    ),
    StackRule(name="encrypted-stores", description="Stores are encrypted.", check=check_stores),
)
