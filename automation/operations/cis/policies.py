"""Judges of the checks of objects in the API. The table names them as `judge`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from automation.operations.cis.cluster_objects import ClusterObjects, Object, name_of, namespace_of
from automation.operations.cis.judges import Verdict, fail, warn
from automation.operations.cis.rbac import DEFAULT_LABEL, holders
from automation.operations.cis.table import Check

SYSTEM_NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")
"""The namespaces that Kubernetes creates."""
_LEVELS = ("privileged", "baseline", "restricted")
_ENFORCE = "pod-security.kubernetes.io/enforce"
_MAX_NAMES = 8


def cluster_admins(_: Check, objects: ClusterObjects) -> Verdict:
    """Judge the bindings of cluster-admin: those that Kubernetes does not create need judgment."""
    bindings = (*objects.cluster_role_bindings, *objects.role_bindings)
    names = [
        _full_name(binding)
        for binding in bindings
        if binding["roleRef"]["name"] == "cluster-admin" and not _is_default(binding)
    ]
    return warn(_listed("also bound by", names))


def permission(check: Check, objects: ClusterObjects) -> Verdict:
    """Judge who has a permission in all namespaces: all users must not, other subjects need judgment."""
    found = [holder for request in check.argument for holder in holders(objects, **request)]
    public = [holder.binding for holder in found if holder.is_public]
    if public:
        return fail(_listed("every user has it by the binding", public))
    return warn(_listed("check the bindings", [holder.binding for holder in found if not holder.is_known]))


def wildcards(_: Check, objects: ClusterObjects) -> Verdict:
    """Judge the roles that Kubernetes does not create: wildcards need judgment."""
    roles = [role for role in (*objects.cluster_roles, *objects.roles) if not _is_default(role)]
    return warn(_listed("check", [_full_name(role) for role in roles if _has_wildcard(role)]))


def default_service_accounts(_: Check, objects: ClusterObjects) -> Verdict:
    """Judge whether pods receive a token of the default service account of their namespace."""
    mounting = [
        namespace_of(account)
        for account in objects.service_accounts
        if name_of(account) == "default" and account.get("automountServiceAccountToken") is not False
    ]
    wrong = [name for name in mounting if name in SYSTEM_NAMESPACES]
    if wrong:
        return fail(_listed("automountServiceAccountToken is not false in", wrong))
    return warn(_listed("automountServiceAccountToken is not false in your namespaces", mounting))


def mounted_tokens(_: Check, objects: ClusterObjects) -> Verdict:
    """Judge the pods outside kube-system that receive a token."""
    names = [
        _full_name(pod)
        for pod in _user_pods(objects)
        if any(
            "serviceAccountToken" in source
            for volume in pod["spec"].get("volumes") or ()
            for source in (volume.get("projected") or {}).get("sources") or ()
        )
    ]
    return warn(_listed("check that these pods need a token", names))


def pod_security(check: Check, objects: ClusterObjects) -> Verdict:
    """Judge whether Pod Security enforces a level in every namespace of users."""
    needed = _LEVELS.index(check.argument)
    if _LEVELS.index(objects.pod_security) < needed:
        problem = f"the default level {objects.pod_security} is weaker than {check.argument}"
        return warn([f"{problem}: set api.pod_security_default, or the label of a namespace"])
    weaker = [
        name_of(namespace)
        for namespace in objects.namespaces
        if _LEVELS.index(_enforced_level(namespace, objects)) < needed and name_of(namespace) != "kube-system"
    ]
    return warn(_listed(f"weaker than {check.argument} in", weaker))


def policy_controller(_: Check, objects: ClusterObjects) -> Verdict:
    """Judge by the permissions of kube-router whether nodes enforce network policies."""
    names = map(name_of, objects.cluster_role_bindings)
    enforced = "kubewright:network-policies" in names
    return warn([] if enforced else ["kube-router is not installed; does another controller enforce them?"])


def network_policies(_: Check, objects: ClusterObjects) -> Verdict:
    """Judge whether every namespace of users has a network policy."""
    protected = {namespace_of(policy) for policy in objects.network_policies}
    names = [name_of(namespace) for namespace in objects.namespaces]
    open_names = [name for name in names if name not in protected and not name.startswith("kube-")]
    return warn(_listed("no network policy in", open_names))


def secret_variables(_: Check, objects: ClusterObjects) -> Verdict:
    """Judge the pods that have Secrets in environment variables."""
    names = [_full_name(pod) for pod in objects.pods if any(map(_has_secret_variable, _containers(pod)))]
    return warn(_listed("Secrets in environment variables of", names))


def seccomp_profiles(_: Check, objects: ClusterObjects) -> Verdict:
    """Judge the pods that disable the seccomp profile, which the kubelet sets by default."""
    names = [
        _full_name(pod)
        for pod in objects.pods
        if any(
            (context.get("seccompProfile") or {}).get("type") == "Unconfined" for context in _contexts(pod)
        )
    ]
    return warn(_listed("no seccomp profile in", names))


def security_contexts(_: Check, objects: ClusterObjects) -> Verdict:
    """Judge the pods outside kube-system without a security context."""
    names = [_full_name(pod) for pod in _user_pods(objects) if not any(_contexts(pod))]
    return warn(_listed("no security context in", names))


def default_namespace(_: Check, objects: ClusterObjects) -> Verdict:
    """Judge whether the namespace default has only the Service of the API."""
    names = [
        f"{kind}/{name_of(item)}"
        for kind, items in (("pod", objects.pods), ("service", objects.services))
        for item in items
        if namespace_of(item) == "default" and (kind, name_of(item)) != ("service", "kubernetes")
    ]
    return warn(_listed("move to another namespace", names))


JUDGES: Mapping[str, Callable[[Check, ClusterObjects], Verdict]] = {
    function.__name__: function
    for function in (
        cluster_admins,
        permission,
        wildcards,
        default_service_accounts,
        mounted_tokens,
        pod_security,
        policy_controller,
        network_policies,
        secret_variables,
        seccomp_profiles,
        security_contexts,
        default_namespace,
    )
}
"""Judges by their names in the table."""


def _listed(text: str, names: Iterable[str]) -> list[str]:
    """Return the text with the first names, or nothing without names."""
    found = list(dict.fromkeys(names))
    more = f" and {len(found) - _MAX_NAMES} more" if len(found) > _MAX_NAMES else ""
    return [f"{text} {', '.join(found[:_MAX_NAMES])}{more}"] if found else []


def _full_name(item: Object) -> str:
    namespace = namespace_of(item)
    return f"{namespace}/{name_of(item)}" if namespace else name_of(item)


def _is_default(item: Object) -> bool:
    return DEFAULT_LABEL in (item["metadata"].get("labels") or {})


def _has_wildcard(role: Object) -> bool:
    fields = ("apiGroups", "resources", "verbs", "nonResourceURLs")
    return any("*" in (rule.get(field) or ()) for rule in role.get("rules") or () for field in fields)


def _user_pods(objects: ClusterObjects) -> Iterator[Object]:
    return (pod for pod in objects.pods if namespace_of(pod) != "kube-system")


def _containers(pod: Object) -> list[Object]:
    return [*pod["spec"].get("initContainers", ()), *pod["spec"].get("containers", ())]


def _contexts(pod: Object) -> list[Mapping[str, Any]]:
    """Return the security contexts of a pod and of its containers, empty mappings without a context."""
    return [item.get("securityContext") or {} for item in (pod["spec"], *_containers(pod))]


def _has_secret_variable(container: Object) -> bool:
    variables = ((item.get("valueFrom") or {}).get("secretKeyRef") for item in container.get("env") or ())
    return any(variables) or any(item.get("secretRef") for item in container.get("envFrom") or ())


def _enforced_level(namespace: Object, objects: ClusterObjects) -> str:
    if name_of(namespace) in objects.exempt_namespaces:
        return "privileged"
    level = (namespace["metadata"].get("labels") or {}).get(_ENFORCE, objects.pod_security)
    return level if level in _LEVELS else "privileged"
