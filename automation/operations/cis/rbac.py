"""Who has a permission in all namespaces, or in kube-system, by the roles and bindings of a cluster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from automation.operations.cis.cluster_objects import ClusterObjects, Object, name_of, namespace_of

DEFAULT_LABEL = "kubernetes.io/bootstrapping"
"""The label of the roles and bindings that Kubernetes itself creates."""
_PUBLIC_GROUPS = frozenset(("system:authenticated", "system:unauthenticated", "system:serviceaccounts"))
KNOWN_BINDINGS = {
    "kubewright:kubelet-api": "API servers call kubelets",
    "kubewright:csr-approver": "the approver accepts serving certificates of kubelets",
}
"""Bindings of Kubewright that give one of the permissions of the benchmark, and why."""


@dataclass(frozen=True, slots=True)
class Holder:
    """A binding that gives a permission.

    `is_public` tells whether all users or all service accounts have the permission; `is_known` whether
    Kubernetes or Kubewright created the binding for itself.
    """

    binding: str
    is_public: bool
    is_known: bool


def holders(objects: ClusterObjects, *, group: str, resource: str, verbs: Sequence[str]) -> Iterator[Holder]:
    """Yield the bindings that permit one of the verbs on a resource (`pods`, `nodes/proxy`)."""
    cluster_roles = {name_of(role): role for role in objects.cluster_roles}
    roles = {name_of(role): role for role in objects.roles if namespace_of(role) == "kube-system"}
    in_system = [binding for binding in objects.role_bindings if namespace_of(binding) == "kube-system"]
    for binding in (*objects.cluster_role_bindings, *in_system):
        reference = binding["roleRef"]
        role = (cluster_roles if reference["kind"] == "ClusterRole" else roles).get(reference["name"])
        if role is not None and any(
            _permits(rule, group, resource, verbs) for rule in role.get("rules") or ()
        ):
            subjects = binding.get("subjects") or ()
            yield Holder(
                name_of(binding),
                any(item["kind"] == "Group" and item["name"] in _PUBLIC_GROUPS for item in subjects),
                DEFAULT_LABEL in (binding["metadata"].get("labels") or {})
                or name_of(binding) in KNOWN_BINDINGS,
            )


def _permits(rule: Object, group: str, resource: str, verbs: Sequence[str]) -> bool:
    """Check whether a rule permits one of the verbs on all objects of a resource."""
    _, _, subresource = resource.partition("/")
    names = {resource, "*"} | ({f"*/{subresource}"} if subresource else set())
    return (
        not rule.get("resourceNames")
        and bool({group, "*"} & set(rule.get("apiGroups") or ()))
        and bool(names & set(rule.get("resources") or ()))
        and bool({*verbs, "*"} & set(rule.get("verbs") or ()))
    )
