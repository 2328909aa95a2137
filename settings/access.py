"""Settings of access to the cluster: namespaces, quotas, limits, roles, bindings, service accounts [I1]."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from settings.base import Section
from settings.types import LabelKey, LabelValue, Name, NonEmpty, Quantity, Subdomain

Verb = Literal[
    "get", "list", "watch", "create", "update", "patch", "delete", "deletecollection",
    "bind", "escalate", "impersonate", "use", "approve", "sign", "*",
]  # fmt: skip


class LimitSettings(Section):
    """The LimitRange for containers of a namespace. Each mapping has resource names (`cpu`, `memory`, …) as
    keys.
    """

    default: dict[NonEmpty, Quantity] = Field(default_factory=dict)
    """Default limits of containers, as Kubernetes quantities."""
    default_request: dict[NonEmpty, Quantity] = Field(default_factory=dict)
    """Default requests of containers, as Kubernetes quantities."""
    min: dict[NonEmpty, Quantity] = Field(default_factory=dict)
    """The smallest allowed request of a container, as Kubernetes quantities."""
    max: dict[NonEmpty, Quantity] = Field(default_factory=dict)
    """The largest allowed limit of a container, as Kubernetes quantities."""


class NamespaceSettings(Section):
    """A namespace of the cluster."""

    labels: dict[LabelKey, LabelValue] = Field(default_factory=dict)
    """Labels of the namespace, such as Pod Security levels."""
    quota: dict[NonEmpty, Quantity] = Field(default_factory=dict)
    """Hard limits of the ResourceQuota, such as `requests.cpu: 4`; empty: no quota."""
    limits: LimitSettings | None = None
    """The LimitRange for containers; default: no LimitRange."""


class PolicyRuleSettings(Section):
    """A rule of a role: the allowed verbs on resources, or on paths that are not resources."""

    api_groups: tuple[str, ...] = ("",)
    """API groups of the resources; the empty group is the core API."""
    resources: tuple[NonEmpty, ...] = ()
    """Resources that the rule applies to, such as `pods` or `pods/log`; required without
    `non_resource_urls`.
    """
    verbs: tuple[Verb, ...] = Field(min_length=1)
    """Verbs that the rule allows."""
    resource_names: tuple[NonEmpty, ...] = ()
    """Names of the objects that the rule applies to; empty: all objects."""
    non_resource_urls: tuple[NonEmpty, ...] = ()
    """Paths of the API server such as `/metrics` or `/healthz/*`, only in a ClusterRole."""


class RoleSettings(Section):
    """A Role, or a ClusterRole if it has no namespace."""

    namespace: Name | None = None
    """Namespace of the Role; without it the role is a ClusterRole."""
    rules: tuple[PolicyRuleSettings, ...] = Field(min_length=1)
    """The rules of the role."""


class BindingSettings(Section):
    """A RoleBinding, or a ClusterRoleBinding if it has no namespace."""

    namespace: Name | None = None
    """Namespace of the RoleBinding; without it the binding is a ClusterRoleBinding."""
    role: NonEmpty | None = None
    """Key of a role of `access.roles`; either this or `cluster_role` is required."""
    cluster_role: NonEmpty | None = None
    """Name of any ClusterRole of the cluster, such as `view`; either this or `role` is required."""
    users: tuple[NonEmpty, ...] = ()
    """Names of users: the common names of their certificates."""
    groups: tuple[NonEmpty, ...] = ()
    """Names of groups: the organizations of users' certificates."""
    service_accounts: tuple[NonEmpty, ...] = ()
    """Service accounts, each as `NAMESPACE/NAME`."""


class ServiceAccountSettings(Section):
    """A service account."""

    namespace: Name
    """Namespace of the service account."""
    automount: bool = False
    """Mount the account's token into its pods. Off by default, because most pods do not call the API."""


class AccessSettings(Section):
    """RBAC objects and namespaces. Keys of the mappings are the names of the objects."""

    namespaces: dict[Name, NamespaceSettings] = Field(default_factory=dict)
    """Namespaces to create, with their quotas and limits."""
    roles: dict[Subdomain, RoleSettings] = Field(default_factory=dict)
    """Roles and ClusterRoles."""
    bindings: dict[Subdomain, BindingSettings] = Field(default_factory=dict)
    """Bindings of roles to users, groups and service accounts."""
    service_accounts: dict[Subdomain, ServiceAccountSettings] = Field(default_factory=dict)
    """Service accounts."""
