"""Kubernetes roles, role bindings and service accounts, built from tables of rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pulumi import Resource, ResourceOptions
from pulumi_kubernetes.core.v1 import ServiceAccount
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs
from pulumi_kubernetes.rbac.v1 import (
    ClusterRole,
    ClusterRoleBinding,
    PolicyRuleArgs,
    RoleBinding,
    RoleRefArgs,
    SubjectArgs,
)

_GROUP = "rbac.authorization.k8s.io"


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of a role: verbs on resources of an API group, optionally limited to the objects in `names`.

    A rule with `urls` applies to paths of the API server and has no group and no resources.
    """

    group: str
    resources: tuple[str, ...]
    verbs: tuple[str, ...]
    names: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()


READ = ("get", "list", "watch")
"""The verbs that read objects."""
ALL_CHANGES = ("create", "delete", "deletecollection", "patch", "update")
"""The verbs that create, change and delete objects."""


def user_subject(name: str) -> SubjectArgs:
    """Return a user subject, identified by the common name of the certificate."""
    return SubjectArgs(kind="User", name=name, api_group=_GROUP)


def group_subject(name: str) -> SubjectArgs:
    """Return a group subject, identified by an organization of the certificate."""
    return SubjectArgs(kind="Group", name=name, api_group=_GROUP)


def service_account_subject(namespace: str, name: str) -> SubjectArgs:
    """Return a service account subject."""
    return SubjectArgs(kind="ServiceAccount", namespace=namespace, name=name)


def policy_rules(table: Sequence[Rule]) -> list[PolicyRuleArgs]:
    """Return rules as arguments of a Role or ClusterRole."""
    return [_policy_rule(rule) for rule in table]


def _policy_rule(rule: Rule) -> PolicyRuleArgs:
    if rule.urls:
        return PolicyRuleArgs(non_resource_urls=list(rule.urls), verbs=list(rule.verbs))
    return PolicyRuleArgs(
        api_groups=[rule.group],
        resources=list(rule.resources),
        verbs=list(rule.verbs),
        resource_names=list(rule.names) or None,
    )


def aggregated_to(*roles: str) -> dict[str, str]:
    """Return the labels of a ClusterRole whose rules roles of Kubernetes get, such as `view`."""
    return {f"{_GROUP}/aggregate-to-{role}": "true" for role in roles}


def cluster_role(
    name: str,
    role: str,
    table: Sequence[Rule],
    opts: ResourceOptions,
    *,
    labels: Mapping[str, str] | None = None,
) -> ClusterRole:
    """Create the ClusterRole `role`. `name` is the name of the Pulumi resource."""
    return ClusterRole(
        name, metadata=ObjectMetaArgs(name=role, labels=labels), rules=policy_rules(table), opts=opts
    )


def bind_cluster_role(
    name: str, binding: str, role: str, subjects: Sequence[SubjectArgs], opts: ResourceOptions
) -> ClusterRoleBinding:
    """Create the ClusterRoleBinding `binding` for the ClusterRole `role`. `name` is the name of the Pulumi
    resource.
    """
    return ClusterRoleBinding(
        name,
        metadata=ObjectMetaArgs(name=binding),
        role_ref=RoleRefArgs(api_group=_GROUP, kind="ClusterRole", name=role),
        subjects=list(subjects),
        opts=opts,
    )


def bind_in_namespace(
    name: str,
    binding: str,
    namespace: str,
    role: tuple[str, str],
    subjects: Sequence[SubjectArgs],
    opts: ResourceOptions,
) -> RoleBinding:
    """Create the RoleBinding `binding` in `namespace`. `role` is the kind and name of the role."""
    return RoleBinding(
        name,
        metadata=ObjectMetaArgs(name=binding, namespace=namespace),
        role_ref=RoleRefArgs(api_group=_GROUP, kind=role[0], name=role[1]),
        subjects=list(subjects),
        opts=opts,
    )


def account_with_cluster_role(
    name: str, account: str, namespace: str, role: str, table: Sequence[Rule], opts: ResourceOptions
) -> list[Resource]:
    """Create the service account `account` in `namespace`, and bind it to its own ClusterRole `role`.

    `name` is the beginning of the names of the Pulumi resources. The binding has the name of the role.
    """
    subject = service_account_subject(namespace, account)
    return [
        ServiceAccount(
            f"{name}-account", metadata=ObjectMetaArgs(name=account, namespace=namespace), opts=opts
        ),
        cluster_role(f"{name}-role", role, table, opts),
        bind_cluster_role(f"{name}-binding", role, role, [subject], opts),
    ]
