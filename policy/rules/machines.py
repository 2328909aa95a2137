"""Rule: machines have no public addresses. Only the load balancer has a public address."""

from __future__ import annotations

from collections.abc import Iterator

from policy.rules.model import Resource, ResourceRule, StackFacts


def check_public_machines(resource: Resource, facts: StackFacts) -> Iterator[str]:
    """Yield a message for each input that assigns a public address to a machine or to its subnet."""
    if resource.cloud:
        yield from resource.cloud.readers.public_machines(resource.canonical_type, resource.inputs)


RULES = (
    ResourceRule(
        name="no-public-machine",
        description="Machines have no public address.",
        check=check_public_machines,
    ),
)
