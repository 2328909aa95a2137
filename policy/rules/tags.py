"""Rule: resources that cost money or hold data have a tag with the name of the cluster."""

from __future__ import annotations

from collections.abc import Iterator

from policy.rules.model import Resource, ResourceRule, StackFacts
from providers.resources import is_known

TAG = "kubewright:cluster"
TAGS = frozenset({TAG, "kubewright-cluster"})
"""Names of the tag. The second name is for clouds that do not allow a colon in tag names."""


def check_tag(resource: Resource, facts: StackFacts) -> Iterator[str]:
    """Yield a message when the tag is missing or contains the name of another cluster."""
    if resource.cloud is None or resource.canonical_type not in resource.cloud.types.tagged:
        return
    tags = resource.cloud.readers.tags(resource.canonical_type, resource.inputs)
    if tags is None:
        return
    values = [tags[name] for name in TAGS if name in tags]
    if not values:
        yield f"tags: {TAG} is missing; it must be {facts.cluster!r}"
    elif facts.cluster not in values and all(map(is_known, values)):
        yield f"tags: {TAG} must be {facts.cluster!r}"


RULES = (
    ResourceRule(
        name="tagged",
        description="Resources that cost money have the cluster's tag.",
        check=check_tag,
    ),
)
