"""etcd has an odd number of members: an even one more makes loss likelier and survives no more of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from policy.rules.model import Resource, SettingsRule, Stack, StackRule

ALLOWED = (1, 3, 5)
"""etcd.io/docs: FAQ, "Why an odd number of cluster members?" and "What is maximum cluster size?"."""
_COMMAND = "command:remote:Command"
_UNDER_ETCD = f"kubewright:index:Etcd${_COMMAND}"


def described(stack: Stack) -> Iterator[str]:
    """What the settings ask for."""
    if len(stack.etcd) not in ALLOWED:
        yield f"etcd.hosts: {len(stack.etcd)} members; allowed: 1, 3 or 5"


def alone(stack: Stack) -> Iterator[str]:
    """A single member is allowed, and worth a word."""
    if stack.production and len(stack.etcd) == 1:
        yield "etcd.hosts: one member in production, whose loss is the cluster's; 3 or 5 survive one"


def made(resources: Sequence[Resource], stack: Stack) -> Iterator[tuple[Resource, str]]:
    """What the program makes, on bare metal: one command of the component Etcd for each member."""
    members = [each for each in resources if each.urn.split("::")[-2].endswith(_UNDER_ETCD)]
    if members and len(members) not in ALLOWED:
        yield members[-1], f"{len(members)} etcd members would be made; allowed: 1, 3 or 5"


RULES = (
    SettingsRule(name="odd-etcd", description="etcd has 1, 3 or 5 members.", check=described),
    SettingsRule(
        name="etcd-not-alone",
        description="In production, etcd has 3 or 5 members.",
        mandatory=False,
        check=alone,
    ),
    StackRule(name="odd-etcd-made", description="1, 3 or 5 etcd members are made.", check=made),
)
