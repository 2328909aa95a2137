"""All rules in one table, and what they find."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from policy.rules import (
    encryption,
    machines,
    networks,
    protection,
    quorum,
    secrets,
    stores,
    tags,
    versions,
)
from policy.rules.model import Finding, Resource, ResourceRule, Rule, SettingsRule, Stack, StackRule

RULES: tuple[Rule, ...] = (
    *encryption.RULES,
    *networks.RULES,
    *stores.RULES,
    *machines.RULES,
    *secrets.RULES,
    *quorum.RULES,
    *versions.RULES,
    *tags.RULES,
    *protection.RULES,
)


def of_settings(stack: Stack) -> Iterator[Finding]:
    """What is wrong with the settings."""
    for rule in RULES:
        if isinstance(rule, SettingsRule):
            for message in rule.check(stack):
                yield Finding(rule=rule.name, message=message, urn="", mandatory=rule.mandatory)


def of_resource(resource: Resource, stack: Stack) -> Iterator[Finding]:
    """What is wrong with one resource."""
    for rule in RULES:
        if isinstance(rule, ResourceRule):
            for message in rule.check(resource, stack):
                yield Finding(rule=rule.name, message=message, urn=resource.urn, mandatory=rule.mandatory)


def of_resources(resources: Sequence[Resource], stack: Stack) -> Iterator[Finding]:
    """What is wrong with the resources together."""
    for rule in RULES:
        if isinstance(rule, StackRule):
            for resource, message in rule.check(resources, stack):
                yield Finding(rule=rule.name, message=message, urn=resource.urn, mandatory=rule.mandatory)
