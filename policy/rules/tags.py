"""Rule: resources that cost money or hold data have a tag with the name of the cluster."""

from __future__ import annotations

from collections.abc import Iterator

from policy.rules.model import Resource, ResourceRule, StackFacts
from providers.resources import is_known

TAG_NAME = "kubewright:cluster"
TAG_NAMES = frozenset({TAG_NAME, "kubewright-cluster"})
"""Names of the tag. The second name is for clouds that do not allow a colon in tag names."""


def check_cluster_tag(resource: Resource, facts: StackFacts) -> Iterator[str]:
    """Yield a message when a resource lacks the cluster tag or has the tag with another cluster's name."""
    if resource.cloud is None or resource.canonical_type not in resource.cloud.types.tags_required:
        return
    tags = resource.cloud.readers.tags(resource.canonical_type, resource.inputs)
    if tags is None:
        return
    values = [tags[name] for name in TAG_NAMES if name in tags]
    if not values:
        yield f"tags: {TAG_NAME} is missing; it must be {facts.cluster!r}"
    elif facts.cluster not in values and all(map(is_known, values)):
        yield f"tags: {TAG_NAME} must be {facts.cluster!r}"


RULES = (
    ResourceRule(
        name="tagged",
        description="Resources that cost money have the cluster's tag.",
        check=check_cluster_tag,
    ),
)
