"""Settings of access: namespaces with quotas and limits, roles, bindings, service accounts [I1]."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from settings.base import Section
from settings.types import Filled, LabelKey, LabelValue, Name, Quantity, Subdomain

Verb = Literal[
    "get", "list", "watch", "create", "update", "patch", "delete", "deletecollection",
    "bind", "escalate", "impersonate", "use", "approve", "sign", "*",
]  # fmt: skip


class LimitSettings(Section):
    """A LimitRange for the namespace's containers, each by resource (cpu, memory, …)."""

    default: dict[Filled, Quantity] = Field(default_factory=dict)
    default_request: dict[Filled, Quantity] = Field(default_factory=dict)
    min: dict[Filled, Quantity] = Field(default_factory=dict)
    max: dict[Filled, Quantity] = Field(default_factory=dict)


class NamespaceSettings(Section):
    """A namespace. `quota`: a ResourceQuota's hard limits, such as `requests.cpu: 4`."""

    labels: dict[LabelKey, LabelValue] = Field(default_factory=dict)
    quota: dict[Filled, Quantity] = Field(default_factory=dict)
    limits: LimitSettings | None = None


class PolicyRuleSettings(Section):
    """What a role allows."""

    api_groups: tuple[str, ...] = ("",)
    resources: tuple[Filled, ...] = Field(min_length=1)
    verbs: tuple[Verb, ...] = Field(min_length=1)
    resource_names: tuple[Filled, ...] = ()


class RoleSettings(Section):
    """A Role of `namespace`, or, without one, a ClusterRole."""

    namespace: Name | None = None
    rules: tuple[PolicyRuleSettings, ...] = Field(min_length=1)


class BindingSettings(Section):
    """Who has a role.

    `role` is one of `roles`, `cluster_role` any ClusterRole of the cluster (`view`, …): one of the two.
    Without `namespace` it is a ClusterRoleBinding. Service accounts are `namespace/name`.
    """

    namespace: Name | None = None
    role: Filled | None = None
    cluster_role: Filled | None = None
    users: tuple[Filled, ...] = ()
    groups: tuple[Filled, ...] = ()
    service_accounts: tuple[Filled, ...] = ()


class ServiceAccountSettings(Section):
    """A service account. `automount`: pods get its token without asking."""

    namespace: Name
    automount: bool = False


class AccessSettings(Section):
    """RBAC from configuration; keys are the objects' names."""

    namespaces: dict[Name, NamespaceSettings] = Field(default_factory=dict)
    roles: dict[Subdomain, RoleSettings] = Field(default_factory=dict)
    bindings: dict[Subdomain, BindingSettings] = Field(default_factory=dict)
    service_accounts: dict[Subdomain, ServiceAccountSettings] = Field(default_factory=dict)
