"""Rules: stores reject anonymous access."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from policy.rules.model import Resource, ResourceRule, StackFacts, StackRule
from policy.rules.public_ranges import is_public
from providers.registry import CLOUDS


def check_public_stores(resource: Resource, facts: StackFacts) -> Iterator[str]:
    """Yield settings, access lists and policies of stores that allow anonymous access."""
    if resource.cloud:
        yield from resource.cloud.readers.public_stores(resource.canonical_type, resource.inputs, is_public)


def check_access_blocks(resources: Sequence[Resource], facts: StackFacts) -> Iterator[tuple[Resource, str]]:
    """Yield the stores of a cloud that has fewer blocks of public access than stores."""
    for cloud in CLOUDS:
        types = cloud.types
        yield from find_stores_without(
            resources, types.stores, types.public_access_blocks, "blocks of public access"
        )


def find_stores_without(
    resources: Sequence[Resource], stores: Collection[str], companions: Collection[str], title: str
) -> Iterator[tuple[Resource, str]]:
    """Yield all stores if the resources of the types `companions`, one for each store, are fewer.

    The names of stores may be unknown before the update, so resources are counted instead of matched. A cloud
    without such types configures this in the store.
    """
    found = [each for each in resources if each.canonical_type in stores]
    count = sum(each.canonical_type in companions for each in resources)
    if companions and count < len(found):
        for store in found:
            yield store, f"{len(found)} stores, but {count} {title}"


RULES = (
    ResourceRule(name="no-public-store", description="Stores are not public.", check=check_public_stores),
    StackRule(
        name="public-access-blocked",
        description="Every store blocks public access.",
        check=check_access_blocks,
    ),
)
