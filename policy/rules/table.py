"""The table of all policy rules, and functions that apply the rules."""

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
from policy.rules.model import Resource, ResourceRule, Rule, SettingsRule, StackFacts, StackRule, Violation

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


def check_settings(facts: StackFacts) -> Iterator[Violation]:
    """Yield the violations in the settings of the stack."""
    for rule in RULES:
        if isinstance(rule, SettingsRule):
            for message in rule.check(facts):
                yield Violation(rule=rule.name, message=message, urn="", mandatory=rule.mandatory)


def check_resource(resource: Resource, facts: StackFacts) -> Iterator[Violation]:
    """Yield the violations of the rules for a single resource."""
    for rule in RULES:
        if isinstance(rule, ResourceRule):
            for message in rule.check(resource, facts):
                yield Violation(rule=rule.name, message=message, urn=resource.urn, mandatory=rule.mandatory)


def check_resources(resources: Sequence[Resource], facts: StackFacts) -> Iterator[Violation]:
    """Yield the violations of the rules for all resources together."""
    for rule in RULES:
        if isinstance(rule, StackRule):
            for resource, message in rule.check(resources, facts):
                yield Violation(rule=rule.name, message=message, urn=resource.urn, mandatory=rule.mandatory)
