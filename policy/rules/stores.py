"""Rules: stores reject anonymous access."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from policy.rules.model import Resource, ResourceRule, StackFacts, StackRule
from policy.rules.public_ranges import is_public
from providers.registry import CLOUDS


def check_public_stores(resource: Resource, facts: StackFacts) -> Iterator[str]:
    """Yield settings, access lists and policies of stores that allow anonymous access."""
    if resource.cloud:
        yield from resource.cloud.readers.public_stores(resource.canonical_type, resource.inputs, is_public)


def check_access_blocks(resources: Sequence[Resource], facts: StackFacts) -> Iterator[tuple[Resource, str]]:
    """Yield the stores of a cloud that has fewer blocks of public access than stores.

    The names of stores may be unknown before the update, so resources are counted instead of matched.
    """
    for cloud in CLOUDS:
        stores = [each for each in resources if each.canonical_type in cloud.types.stores]
        blocks = [each for each in resources if each.canonical_type in cloud.types.public_access_blocks]
        if cloud.types.public_access_blocks and len(blocks) < len(stores):
            for store in stores:
                yield store, f"{len(stores)} stores, but {len(blocks)} blocks of public access"


RULES = (
    ResourceRule(name="no-public-store", description="Stores are not public.", check=check_public_stores),
    StackRule(
        name="public-access-blocked",
        description="Every store blocks public access.",
        check=check_access_blocks,
    ),
)
