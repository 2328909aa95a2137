"""Rules: stores reject anonymous access."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from policy.rules.model import Resource, ResourceRule, StackFacts, StackRule
from policy.rules.public_ranges import is_public
from providers.registry import CLOUDS


def check_public_stores(resource: Resource, facts: StackFacts) -> Iterator[str]:
    """Yield a message for each setting, access list or policy of a store that allows anonymous access.

    In the store of the issuer of service account tokens, the documents of the issuer are public.
    """
    if resource.cloud is None:
        return
    readers = resource.cloud.readers
    if facts.issuer_store and readers.publishes_only_issuer(
        resource.canonical_type, resource.inputs, facts.issuer_store
    ):
        return
    yield from readers.public_stores(resource.canonical_type, resource.inputs, is_public)


def check_access_blocks(resources: Sequence[Resource], facts: StackFacts) -> Iterator[tuple[Resource, str]]:
    """Yield a message for each store of a cloud if there are fewer public access blocks than stores."""
    for cloud in CLOUDS:
        types = cloud.types
        yield from find_stores_without(
            resources, types.stores, types.public_access_blocks, "blocks of public access"
        )


def find_stores_without(
    resources: Sequence[Resource], store_types: Collection[str], companion_types: Collection[str], title: str
) -> Iterator[tuple[Resource, str]]:
    """Yield all stores if there are fewer resources of `companion_types` than resources of `store_types`.

    Every store needs a companion resource, which configures the store. Before the update the names of stores
    can be unknown, so the function counts resources instead of matching names. In a cloud without companion
    types, the store itself has this configuration, and the function yields nothing. `title` names the
    companion resources in messages.
    """
    stores = [each for each in resources if each.canonical_type in store_types]
    count = sum(each.canonical_type in companion_types for each in resources)
    if companion_types and count < len(stores):
        for store in stores:
            yield store, f"{len(stores)} stores, but {count} {title}"


RULES = (
    ResourceRule(name="no-public-store", description="Stores are not public.", check=check_public_stores),
    StackRule(
        name="public-access-blocked",
        description="Every store blocks public access.",
        check=check_access_blocks,
    ),
)
