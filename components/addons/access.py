"""Namespaces, quotas, roles, bindings and service accounts from the settings [I1]."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi_kubernetes.core.v1 as core
from pulumi import ComponentResource, Resource, ResourceOptions
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs
from pulumi_kubernetes.rbac.v1 import Role, SubjectArgs

from components.api import Api
from components.rbac import (
    Rule,
    bind_cluster_role,
    bind_in_namespace,
    cluster_role,
    group_subject,
    policy_rules,
    service_account_subject,
    user_subject,
)
from settings.access import AccessSettings, BindingSettings, LimitSettings, RoleSettings


@dataclass(frozen=True, kw_only=True)
class AccessArgs:
    """Arguments of `Access`: the API, and the setting `access` of the stack file."""

    api: Api
    access: AccessSettings


class Access(ComponentResource):
    """RBAC objects, namespaces and their quotas. `namespaces` are the Namespace resources by name."""

    def __init__(self, name: str, args: AccessArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("kubewright:index:Access", name, None, opts)
        self._name, self._api, self._access = name, args.api, args.access
        self.namespaces = {key: self._create_namespace(key) for key in args.access.namespaces}
        for account, settings in args.access.service_accounts.items():
            core.ServiceAccount(
                f"{name}-account-{account}",
                metadata=ObjectMetaArgs(name=account, namespace=settings.namespace),
                automount_service_account_token=settings.automount,
                opts=self._options_in_namespace(settings.namespace),
            )
        for role, role_settings in args.access.roles.items():
            self._create_role(role, role_settings)
        for binding, binding_settings in args.access.bindings.items():
            self._create_binding(binding, binding_settings)
        self.register_outputs({"namespaces": sorted(self.namespaces)})

    def _options_in_namespace(self, namespace: str | None) -> ResourceOptions:
        """Return the options of an object in a namespace.

        The object depends on the Namespace resource if this component creates the namespace.
        """
        after: list[Resource] = [self.namespaces[namespace]] if namespace in self.namespaces else []
        return self._api.options(self, depends_on=after)

    def _create_namespace(self, key: str) -> core.Namespace:
        settings = self._access.namespaces[key]
        namespace = core.Namespace(
            f"{self._name}-{key}",
            metadata=ObjectMetaArgs(name=key, labels=settings.labels),
            opts=self._api.options(self),
        )
        options = self._api.options(self, depends_on=[namespace])
        metadata = ObjectMetaArgs(name="kubewright", namespace=key)
        if settings.quota:
            spec = core.ResourceQuotaSpecArgs(hard=settings.quota)
            core.ResourceQuota(f"{self._name}-{key}-quota", metadata=metadata, spec=spec, opts=options)
        if settings.limits:
            limits = _limit_range(settings.limits)
            core.LimitRange(f"{self._name}-{key}-limits", metadata=metadata, spec=limits, opts=options)
        return namespace

    def _create_role(self, role: str, settings: RoleSettings) -> None:
        rules = [
            Rule(api_group, rule.resources, rule.verbs, rule.resource_names, rule.non_resource_urls)
            for rule in settings.rules
            # A rule about URLs has no group.
            for api_group in (rule.api_groups[:1] if rule.non_resource_urls else rule.api_groups)
        ]
        name, options = f"{self._name}-role-{role}", self._options_in_namespace(settings.namespace)
        if settings.namespace is None:
            cluster_role(name, role, rules, options)
        else:
            metadata = ObjectMetaArgs(name=role, namespace=settings.namespace)
            Role(name, metadata=metadata, rules=policy_rules(rules), opts=options)

    def _create_binding(self, binding: str, settings: BindingSettings) -> None:
        name, options = f"{self._name}-binding-{binding}", self._options_in_namespace(settings.namespace)
        own_role = self._access.roles.get(settings.role or "")
        kind = "Role" if own_role and own_role.namespace else "ClusterRole"
        role = settings.role or settings.cluster_role or ""
        if settings.namespace is None:
            bind_cluster_role(name, binding, role, _binding_subjects(settings), options)
        else:
            bind_in_namespace(
                name, binding, settings.namespace, (kind, role), _binding_subjects(settings), options
            )


def _binding_subjects(settings: BindingSettings) -> list[SubjectArgs]:
    accounts = [account.split("/", 1) for account in settings.service_accounts]
    return [
        *map(user_subject, settings.users),
        *map(group_subject, settings.groups),
        *(service_account_subject(namespace, name) for namespace, name in accounts),
    ]


def _limit_range(limits: LimitSettings) -> core.LimitRangeSpecArgs:
    return core.LimitRangeSpecArgs(
        limits=[
            core.LimitRangeItemArgs(
                type="Container",
                default=limits.default,
                default_request=limits.default_request,
                min=limits.min,
                max=limits.max,
            )
        ]
    )
