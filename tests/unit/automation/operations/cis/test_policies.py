"""Tests of the checks of objects in the API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from automation.operations.cis.cluster_objects import ClusterObjects, pod_security
from automation.operations.cis.evaluation import judge_cluster
from automation.operations.cis.facts import CisFacts
from automation.operations.cis.judges import Outcome, Verdict
from automation.operations.cis.table import DEFAULT_WARNINGS

DEFAULTS = {"kubernetes.io/bootstrapping": "rbac-defaults"}


def named(name: str, namespace: str = "", *, labels: Mapping[str, str] | None = None, **keys: Any) -> Any:  # noqa: ANN401
    """Return an object with this name."""
    metadata: dict[str, Any] = {"name": name, "labels": dict(labels or {})}
    if namespace:
        metadata["namespace"] = namespace
    return {"metadata": metadata, **keys}


def role(name: str, group: str, resource: str, *verbs: str, **keys: Any) -> Any:  # noqa: ANN401
    rule = {"apiGroups": [group], "resources": [resource], "verbs": list(verbs)}
    return named(name, rules=[rule], **keys)


def binding(name: str, role: str, kind: str = "User", subject: str = "jane", **keys: Any) -> Any:  # noqa: ANN401
    return named(
        name,
        roleRef={"kind": "ClusterRole", "name": role},
        subjects=[{"kind": kind, "name": subject}],
        **keys,
    )


def pod(name: str, namespace: str = "shop", **spec: Any) -> Any:  # noqa: ANN401
    container = {"name": "c", "securityContext": {"runAsNonRoot": True}}
    return named(name, namespace, spec={"containers": [container]} | spec)


def new_cluster(**objects: Any) -> ClusterObjects:  # noqa: ANN401
    """Return the objects of a new cluster, with other objects in place of some of them."""
    namespaces = ("default", "kube-node-lease", "kube-public", "kube-system")
    accounts = [named("default", name, automountServiceAccountToken=False) for name in namespaces]
    values: dict[str, Any] = {
        "namespaces": [named(name) for name in namespaces],
        "service_accounts": accounts,
        "services": [named("kubernetes", "default")],
        "cluster_roles": [role("cluster-admin", "*", "*", "*", labels=DEFAULTS)],
        "cluster_role_bindings": [
            binding("cluster-admin", "cluster-admin", "Group", "system:masters", labels=DEFAULTS),
            binding("kubewright:network-policies", "kubewright:network-policies", "Group", "system:nodes"),
        ],
        "pod_security": "baseline",
        "exempt_namespaces": frozenset(("kube-system",)),
    }
    return ClusterObjects(**(values | objects))


def verdicts(objects: ClusterObjects) -> dict[str, Verdict]:
    return {result.check.id: result.verdict for result in judge_cluster(objects)}


def test_warnings_of_a_new_cluster_are_known() -> None:
    found = verdicts(new_cluster())
    assert {id for id, verdict in found.items() if verdict.outcome is Outcome.FAIL} == set()
    warnings = {id for id, verdict in found.items() if verdict.outcome is Outcome.WARN}
    assert warnings == {id for id in DEFAULT_WARNINGS if id.startswith("5.")}


def with_role(name: str, group: str, resource: str, *verbs: str, **subject: Any) -> ClusterObjects:  # noqa: ANN401
    """Return a new cluster in which the binding `own` gives a subject a role."""
    objects = new_cluster()
    return new_cluster(
        cluster_roles=[*objects.cluster_roles, role(name, group, resource, *verbs)],
        cluster_role_bindings=[*objects.cluster_role_bindings, binding("own", name, **subject)],
    )


PERMISSIONS = {
    "5.1.2": ("", "secrets", "list"),
    "5.1.4": ("", "pods", "create"),
    "5.1.8": ("rbac.authorization.k8s.io", "roles", "escalate"),
    "5.1.9": ("", "persistentvolumes", "create"),
    "5.1.10": ("", "nodes/proxy", "get"),
    "5.1.11": ("certificates.k8s.io", "certificatesigningrequests/approval", "update"),
    "5.1.12": ("admissionregistration.k8s.io", "mutatingwebhookconfigurations", "patch"),
    "5.1.13": ("", "serviceaccounts/token", "create"),
}
"""Group, resource and verb by the id of the check that looks for the permission."""


@pytest.mark.parametrize("check", PERMISSIONS)
def test_permission_of_one_user_needs_judgment(check: str) -> None:
    found = verdicts(with_role("reader", *PERMISSIONS[check]))[check]
    assert found == Verdict(Outcome.WARN, "check the bindings own")


@pytest.mark.parametrize("check", PERMISSIONS)
def test_permission_of_all_users_fails(check: str) -> None:
    objects = with_role("reader", *PERMISSIONS[check], kind="Group", subject="system:authenticated")
    assert verdicts(objects)[check].outcome is Outcome.FAIL


def test_cluster_without_a_policy_controller_needs_judgment() -> None:
    found = verdicts(new_cluster(cluster_role_bindings=()))["5.3.1"]
    assert found.outcome is Outcome.WARN
    assert "kube-router is not installed; does another controller" in found.detail


def test_other_verbs_and_objects_with_names_give_no_permission() -> None:
    assert verdicts(with_role("reader", "", "secrets", "delete"))["5.1.2"].outcome is Outcome.PASS
    objects = with_role("reader", "", "secrets", "get")
    objects.cluster_roles[-1]["rules"][0]["resourceNames"] = ["one"]
    assert verdicts(objects)["5.1.2"].outcome is Outcome.PASS


def test_own_administrators_and_wildcards_need_judgment() -> None:
    objects = new_cluster()
    bound = [*objects.cluster_role_bindings, binding("ops", "cluster-admin")]
    assert verdicts(new_cluster(cluster_role_bindings=bound))["5.1.1"].detail == "also bound by ops"
    assert verdicts(with_role("all", "", "*", "get"))["5.1.3"].detail == "check all"


def test_default_service_account_of_a_system_namespace_fails() -> None:
    found = verdicts(new_cluster(service_accounts=[named("default", "kube-system")]))["5.1.5"]
    assert found == Verdict(Outcome.FAIL, "automountServiceAccountToken is not false in kube-system")
    own = [named("default", "shop"), named("web", "shop")]
    assert verdicts(new_cluster(service_accounts=own))["5.1.5"].outcome is Outcome.WARN


POD_CHANGES: dict[str, tuple[dict[str, Any], str]] = {
    "5.1.6": (
        {"volumes": [{"name": "t", "projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}}]},
        "check that these pods need a token shop/web",
    ),
    "5.4.1": (
        {"containers": [{"name": "c", "env": [{"name": "P", "valueFrom": {"secretKeyRef": {"name": "s"}}}]}]},
        "Secrets in environment variables of shop/web",
    ),
    "5.6.2": (
        {"securityContext": {"seccompProfile": {"type": "Unconfined"}}},
        "no seccomp profile in shop/web",
    ),
    "5.6.3": ({"containers": [{"name": "c"}]}, "no security context in shop/web"),
}


@pytest.mark.parametrize("check", POD_CHANGES)
def test_pod_that_needs_judgment_is_named(check: str) -> None:
    spec, detail = POD_CHANGES[check]
    assert verdicts(new_cluster(pods=[pod("web")]))[check].outcome is Outcome.PASS
    assert verdicts(new_cluster(pods=[pod("web", **spec)]))[check] == Verdict(Outcome.WARN, detail)


def test_objects_in_the_namespace_default_are_named() -> None:
    found = verdicts(new_cluster(pods=[pod("web", "default")]))["5.6.4"]
    assert found == Verdict(Outcome.WARN, "move to another namespace pod/web")


def test_namespace_with_a_weaker_level_is_named() -> None:
    labels = {"pod-security.kubernetes.io/enforce": "privileged"}
    objects = new_cluster(namespaces=[named("kube-system"), named("shop"), named("csi", labels=labels)])
    assert verdicts(objects)["5.2.2"] == Verdict(Outcome.WARN, "weaker than baseline in csi")
    assert verdicts(new_cluster(pod_security="privileged"))["5.2.2"].outcome is Outcome.WARN
    assert verdicts(new_cluster(pod_security="restricted"))["5.2.7"].outcome is Outcome.PASS


def test_weakest_level_of_the_api_servers_counts(hosts: dict[str, CisFacts]) -> None:
    assert pod_security([hosts["cp-1"]]) == ("baseline", frozenset(("kube-system",)))
    without = CisFacts(flags={"kube-apiserver": {}})
    assert pod_security([hosts["cp-1"], without])[0] == "privileged"


def test_long_lists_are_shortened() -> None:
    pods = [pod(f"web-{number}", "default") for number in range(10)]
    assert verdicts(new_cluster(pods=pods))["5.6.4"].detail.endswith("pod/web-7 and 2 more")
