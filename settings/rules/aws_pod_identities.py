"""Rules about IAM roles for pods on AWS."""

from __future__ import annotations

from collections.abc import Iterator

from settings.aws import partition_and_domain
from settings.aws_pod_identities import AwsPodRoleSettings
from settings.problem import Problem
from settings.rules.base import RuleInput, rule

_MAX_POLICIES = 10
"""Managed policies of a role (default quota of IAM)."""


@rule(needs_valid=("aws",))
def pod_identities_have_roles(rule_input: RuleInput) -> Iterator[Problem]:
    """Require a role for the issuer, because the issuer has no other use."""
    aws = rule_input.settings.aws
    if aws and aws.pod_identities and not aws.pod_identities.roles:
        yield Problem("aws.pod_identities.roles", "", "missing; add a role, or remove aws.pod_identities")


@rule(needs_valid=("aws",))
def roles_of_pods_allow_something(rule_input: RuleInput) -> Iterator[Problem]:
    """Require permissions for each role, and policies that IAM can attach."""
    aws = rule_input.settings.aws
    if aws is None or aws.pod_identities is None:
        return
    partition, _ = partition_and_domain(aws.region)
    for name, role in aws.pod_identities.roles.items():
        path = f"aws.pod_identities.roles.{name}"
        if not role.policies and not role.allow:
            yield Problem(path, "", "allows nothing; add policies or allow, or remove the role")
        if len(role.policies) > _MAX_POLICIES:
            yield Problem(
                f"{path}.policies",
                "",
                f"has {len(role.policies)} policies, and IAM attaches at most {_MAX_POLICIES}; join them",
            )
        yield from _repeated_policies(path, role)
        yield from _foreign_arns(path, role, partition)


def _repeated_policies(path: str, role: AwsPodRoleSettings) -> Iterator[Problem]:
    for position, policy in enumerate(role.policies):
        if policy in role.policies[:position]:
            yield Problem(f"{path}.policies[{position}]", f'"{policy}"', "attached twice; remove one")


def _foreign_arns(path: str, role: AwsPodRoleSettings, partition: str) -> Iterator[Problem]:
    """Yield a problem for each ARN of another AWS partition than that of the region."""
    arns = [(f"{path}.policies[{number}]", arn) for number, arn in enumerate(role.policies)]
    arns += [
        (f"{path}.allow[{number}].resources[{index}]", arn)
        for number, permission in enumerate(role.allow)
        for index, arn in enumerate(permission.resources)
    ]
    for where, arn in arns:
        if arn != "*" and arn.split(":")[1] != partition:
            yield Problem(
                where,
                f'"{arn}"',
                f"not in the partition of aws.region; ARNs there begin with arn:{partition}:",
            )
