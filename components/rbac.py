"""Roles and bindings in few words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pulumi import ResourceOptions
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
    """What a role allows: verbs on resources, perhaps of these names alone."""

    group: str
    resources: tuple[str, ...]
    verbs: tuple[str, ...]
    names: tuple[str, ...] = ()


READ = ("get", "list", "watch")


def user(name: str) -> SubjectArgs:
    """A user, by the common name of the certificate."""
    return SubjectArgs(kind="User", name=name, api_group=_GROUP)


def group(name: str) -> SubjectArgs:
    """A group, by an organization of the certificate."""
    return SubjectArgs(kind="Group", name=name, api_group=_GROUP)


def service_account(namespace: str, name: str) -> SubjectArgs:
    """A service account."""
    return SubjectArgs(kind="ServiceAccount", namespace=namespace, name=name)


def rules(table: Sequence[Rule]) -> list[PolicyRuleArgs]:
    """The rules as Kubernetes wants them."""
    return [
        PolicyRuleArgs(
            api_groups=[rule.group],
            resources=list(rule.resources),
            verbs=list(rule.verbs),
            resource_names=list(rule.names) or None,
        )
        for rule in table
    ]


def cluster_role(
    name: str,
    role: str,
    table: Sequence[Rule],
    opts: ResourceOptions,
    *,
    labels: Mapping[str, str] | None = None,
) -> ClusterRole:
    """The ClusterRole `role`; `name` is the resource's."""
    return ClusterRole(name, metadata=ObjectMetaArgs(name=role, labels=labels), rules=rules(table), opts=opts)


def bind(
    name: str, binding: str, role: str, subjects: Sequence[SubjectArgs], opts: ResourceOptions
) -> ClusterRoleBinding:
    """The ClusterRoleBinding `binding`, giving the ClusterRole `role`; `name` is the resource's."""
    return ClusterRoleBinding(
        name,
        metadata=ObjectMetaArgs(name=binding),
        role_ref=RoleRefArgs(api_group=_GROUP, kind="ClusterRole", name=role),
        subjects=list(subjects),
        opts=opts,
    )


def bind_in(
    name: str,
    binding: str,
    namespace: str,
    role: tuple[str, str],
    subjects: Sequence[SubjectArgs],
    opts: ResourceOptions,
) -> RoleBinding:
    """The RoleBinding `binding` in `namespace`; `role` is kind and name of what it gives."""
    return RoleBinding(
        name,
        metadata=ObjectMetaArgs(name=binding, namespace=namespace),
        role_ref=RoleRefArgs(api_group=_GROUP, kind=role[0], name=role[1]),
        subjects=list(subjects),
        opts=opts,
    )
