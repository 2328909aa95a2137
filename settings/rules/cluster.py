"""Rules about required settings of a cluster."""

from __future__ import annotations

from collections.abc import Iterator

from settings.cluster import CLOUD_SECTIONS
from settings.problem import Problem
from settings.rules.base import RuleInput, rule


@rule(needs=("name",))
def cluster_has_name(rule_input: RuleInput) -> Iterator[Problem]:
    """Require a name of the cluster."""
    if rule_input.settings.name is None:
        yield Problem("name", "", "missing; give the cluster a name, such as dev")


@rule(needs_valid=("metal", *CLOUD_SECTIONS))
def exactly_one_provider(rule_input: RuleInput) -> Iterator[Problem]:
    """Require exactly one provider section."""
    settings = rule_input.settings
    sections = {"metal": settings.metal, "aws": settings.aws, "azure": settings.azure}
    present = [name for name, section in sections.items() if section is not None]
    if len(present) != 1:
        summary = f"{' and '.join(present)} are set" if present else "none is set"
        yield Problem("", "", f"needs exactly one provider section of metal, aws, azure; {summary}")


@rule(needs=("leader_election",), needs_valid=("leader_election",))
def lease_durations_are_ordered(rule_input: RuleInput) -> Iterator[Problem]:
    """Require lease durations that client-go accepts: lease > renewal > 1.2 * retry."""
    times = rule_input.settings.leader_election
    if times.lease <= times.renew:
        yield Problem(
            "leader_election.lease",
            str(times.lease),
            f"must be longer than renew ({times.renew} s), or a leader loses its lease while renewing it",
        )
    if times.renew <= 1.2 * times.retry:
        yield Problem(
            "leader_election.renew",
            str(times.renew),
            f"must be longer than 1.2 times retry ({times.retry} s)",
        )
