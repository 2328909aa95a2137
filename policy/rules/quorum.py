"""Rules: etcd has an odd number of members.

An even number adds risk: four members tolerate no more failures than three.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from policy.rules.model import Resource, SettingsRule, StackFacts, StackRule

ALLOWED_MEMBER_COUNTS = (1, 3, 5)
"""Allowed numbers of etcd members. Source: etcd.io/docs, FAQ, "Why an odd number of cluster members?" and
"What is maximum cluster size?".
"""
_COMMAND = "command:remote:Command"
_ETCD_COMMAND = f"kubewright:index:Etcd${_COMMAND}"


def check_member_count(facts: StackFacts) -> Iterator[str]:
    """Yield a message when the settings have a number of etcd members other than 1, 3 or 5."""
    if len(facts.etcd_hosts) not in ALLOWED_MEMBER_COUNTS:
        yield f"etcd.hosts: {len(facts.etcd_hosts)} members; allowed: 1, 3 or 5"


def check_single_member(facts: StackFacts) -> Iterator[str]:
    """Yield a message for a single etcd member in production."""
    if facts.is_production and len(facts.etcd_hosts) == 1:
        yield "etcd.hosts: one member in production, its loss is the loss of the cluster; use 3 or 5 members"


def check_created_members(resources: Sequence[Resource], facts: StackFacts) -> Iterator[tuple[Resource, str]]:
    """Yield a message when the program creates a number of etcd members on bare metal that is not allowed.

    The `Etcd` component has one remote command for each member.
    """
    members = [each for each in resources if each.urn.split("::")[-2].endswith(_ETCD_COMMAND)]
    if members and len(members) not in ALLOWED_MEMBER_COUNTS:
        yield members[-1], f"{len(members)} etcd members would be created; allowed: 1, 3 or 5"


RULES = (
    SettingsRule(name="odd-etcd", description="etcd has 1, 3 or 5 members.", check=check_member_count),
    SettingsRule(
        name="etcd-not-alone",
        description="In production, etcd has 3 or 5 members.",
        mandatory=False,
        check=check_single_member,
    ),
    StackRule(
        name="odd-etcd-made",
        description="The program creates 1, 3 or 5 etcd members.",
        check=check_created_members,
    ),
)
