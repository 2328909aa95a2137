"""Rules about references in `access`: namespaces, roles and service accounts [I1]."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import get_args

from settings.access import AccessSettings, BindingSettings, PolicyRuleSettings
from settings.cluster import Settings
from settings.control_plane import PodSecurity
from settings.problem import Problem, suggestion
from settings.rules.base import BUILT_IN_NAMESPACES, RuleInput, rule

# Verbs of requests for paths are HTTP methods in lower case. These exist as verbs of resources, too.
_URL_VERBS = ("get", "patch", "delete", "*")
_POD_SECURITY = "pod-security.kubernetes.io"
_POD_SECURITY_MODES = ("enforce", "audit", "warn")
_POD_SECURITY_VERSION = re.compile(r"latest|v1\.[0-9]+")


@rule(needs=("access",), needs_valid=("access.namespaces", "helm_releases"))
def namespaces_exist(rule_input: RuleInput) -> Iterator[Problem]:
    """Require that each namespace is built-in, in `access.namespaces`, or created by a Helm release."""
    access = rule_input.settings.access
    created = [item.namespace for item in rule_input.settings.helm_releases.values() if item.create_namespace]
    known = [*access.namespaces, *BUILT_IN_NAMESPACES, *created]
    used = {f"access.roles.{name}": role.namespace for name, role in access.roles.items()}
    used |= {f"access.bindings.{name}": binding.namespace for name, binding in access.bindings.items()}
    used |= {
        f"access.service_accounts.{name}": item.namespace for name, item in access.service_accounts.items()
    }
    for name, release in rule_input.settings.helm_releases.items():
        if not release.create_namespace:
            used[f"helm_releases.{name}"] = release.namespace
    for path, namespace in used.items():
        if namespace is not None and namespace not in known:
            hint = suggestion(namespace, known, "add it to access.namespaces")
            yield Problem(f"{path}.namespace", f'"{namespace}"', f"no such namespace; {hint}")


@rule(needs=("access.namespaces", "helm_releases"))
def pod_security_labels_are_known(rule_input: RuleInput) -> Iterator[Problem]:
    """Require labels of Pod Security that the API server accepts.

    Source: https://kubernetes.io/docs/concepts/security/pod-security-admission
    """
    settings = rule_input.settings
    labels = {
        f"access.namespaces.{name}.labels": item.labels for name, item in settings.access.namespaces.items()
    }
    labels |= {
        f"helm_releases.{name}.namespace_labels": item.namespace_labels
        for name, item in settings.helm_releases.items()
    }
    for path, mapping in labels.items():
        for key, value in mapping.items():
            prefix, _, name = key.rpartition("/")
            if prefix == _POD_SECURITY:
                yield from _pod_security_problems(path, name, value)


def _pod_security_problems(path: str, name: str, value: str) -> Iterator[Problem]:
    """Yield a problem for a label `pod-security.kubernetes.io/<name>` that the API server does not know."""
    mode, _, suffix = name.partition("-")
    if mode not in _POD_SECURITY_MODES or suffix not in ("", "version"):
        yield Problem(
            path,
            f'"{_POD_SECURITY}/{name}"',
            f"unknown label of Pod Security; allowed names: {', '.join(_POD_SECURITY_MODES)}, each also "
            "with -version",
        )
    elif suffix == "version" and not _POD_SECURITY_VERSION.fullmatch(value):
        yield Problem(
            path, f'"{value}"', f"not a version for {_POD_SECURITY}/{name}; allowed: latest, or v1.36"
        )
    elif not suffix and value not in get_args(PodSecurity):
        yield Problem(
            path,
            f'"{value}"',
            f"not a level for {_POD_SECURITY}/{name}; allowed: {', '.join(get_args(PodSecurity))}",
        )


@rule(needs=("access.bindings",), needs_valid=("access.roles",))
def bindings_reference_one_role(rule_input: RuleInput) -> Iterator[Problem]:
    """Require that each binding has exactly one existing role and at least one subject."""
    access = rule_input.settings.access
    for name, binding in access.bindings.items():
        path = f"access.bindings.{name}"
        if (binding.role is None) == (binding.cluster_role is None):
            yield Problem(path, "", "needs exactly one of role (of access.roles) and cluster_role")
        if not (binding.users or binding.groups or binding.service_accounts):
            yield Problem(path, "", "names no subject; add users, groups or service_accounts")
        yield from _role_problems(path, binding, access)


@rule(needs=("access",), needs_valid=("access.roles",))
def rules_have_resources_or_urls(rule_input: RuleInput) -> Iterator[Problem]:
    """Require either resources or URLs in each rule, and URLs only in ClusterRoles.

    Source: https://kubernetes.io/docs/reference/access-authn-authz/rbac
    """
    for name, role in rule_input.settings.access.roles.items():
        for position, item in enumerate(role.rules):
            path = f"access.roles.{name}.rules[{position}]"
            if not item.non_resource_urls:
                if not item.resources:
                    yield Problem(f"{path}.resources", "", "missing; add resources or non_resource_urls")
                continue
            if item.resources or item.resource_names:
                yield Problem(
                    path,
                    "",
                    "has resources and non_resource_urls; write them as two rules, so that both apply",
                )
            if role.namespace is not None:
                yield Problem(
                    f"{path}.non_resource_urls",
                    "",
                    "allowed only in a ClusterRole; remove the namespace of the role",
                )
            yield from _url_problems(path, item)


def _url_problems(path: str, item: PolicyRuleSettings) -> Iterator[Problem]:
    for position, url in enumerate(item.non_resource_urls):
        if url != "*" and (not url.startswith("/") or "*" in url[:-1]):
            yield Problem(
                f"{path}.non_resource_urls[{position}]",
                f'"{url}"',
                "not a path; allowed: a path that begins with / and may end with *, such as /metrics",
            )
    for position, verb in enumerate(item.verbs):
        if verb not in _URL_VERBS:
            yield Problem(
                f"{path}.verbs[{position}]",
                f'"{verb}"',
                f"has no effect on non_resource_urls; allowed: {', '.join(_URL_VERBS)}",
            )


@rule(needs=("access.bindings",))
def service_accounts_have_namespaces(rule_input: RuleInput) -> Iterator[Problem]:
    """Require the form `NAMESPACE/NAME` for service accounts in bindings."""
    for name, binding in rule_input.settings.access.bindings.items():
        for position, account in enumerate(binding.service_accounts):
            namespace, slash, rest = account.partition("/")
            if not (slash and namespace and rest) or "/" in rest:
                path = f"access.bindings.{name}.service_accounts[{position}]"
                yield Problem(path, f'"{account}"', "not a service account; allowed: NAMESPACE/NAME")


def _role_problems(path: str, binding: BindingSettings, access: AccessSettings) -> Iterator[Problem]:
    if binding.role is None:
        return
    role = access.roles.get(binding.role)
    if role is None:
        hint = suggestion(binding.role, access.roles, "add it to access.roles, or use cluster_role")
        yield Problem(f"{path}.role", f'"{binding.role}"', f"not in access.roles; {hint}")
    elif role.namespace is not None and role.namespace != binding.namespace:
        yield Problem(
            f"{path}.namespace", "", f"must be {role.namespace}, the namespace of its role {binding.role}"
        )


def namespace_problems(settings: Settings, namespace: str, owner: str) -> Iterator[Problem]:
    """Yield the problems of settings that create or fill a namespace of another section, `owner`."""
    for path, value in namespace_users(settings, namespace):
        yield Problem(path, value, f"belongs to {owner}; use another namespace")


def namespace_users(settings: Settings, namespace: str) -> Iterator[tuple[str, str]]:
    """Yield the settings that create or fill a namespace, each with its path and its value in a message."""
    if namespace in settings.access.namespaces:
        yield f"access.namespaces.{namespace}", ""
    for name, release in settings.helm_releases.items():
        if release.namespace == namespace:
            yield f"helm_releases.{name}.namespace", f'"{namespace}"'
