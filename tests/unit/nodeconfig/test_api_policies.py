"""Tests of the policies of the API server: privileged pods, Pod Security, admission plugins, audit."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest

from nodeconfig import bundles
from nodeconfig.bundle import Bundle
from testkit.bundles import FakeIndex, cluster
from tests.unit.nodeconfig.test_bundles import unit_flags
from topology.model import Role


def control_plane(index: FakeIndex, api: Mapping[str, object] | None = None) -> Bundle:
    """Return the bundle of a control plane whose API server has these settings."""
    return bundles(cluster(sections={"api": dict(api or {})}), index)["cp-1", Role.CONTROL_PLANE]


def policy_file(bundle: Bundle, name: str) -> Any:  # noqa: ANN401  JSON of any shape
    """Return the content of a JSON file in /etc/kubernetes."""
    [content] = [file.content for file in bundle.files if file.path == f"/etc/kubernetes/{name}.json"]
    return json.loads(content)


def admission_plugin(bundle: Bundle, name: str) -> Any:  # noqa: ANN401  JSON of any shape
    """Return the configuration of an admission plugin."""
    [configuration] = [
        plugin["configuration"]
        for plugin in policy_file(bundle, "admission")["plugins"]
        if plugin["name"] == name
    ]
    return configuration


def test_pod_security_decides_about_privileged_pods(index: FakeIndex) -> None:
    bundle = control_plane(index)
    assert unit_flags(bundle, "kube-apiserver")["allow-privileged"] == "true"
    pod_security = admission_plugin(bundle, "PodSecurity")
    assert pod_security["defaults"]["enforce"] == "baseline"
    assert pod_security["exemptions"]["namespaces"] == ["kube-system"]


def test_exempt_namespaces_are_added_to_kube_system(index: FakeIndex) -> None:
    bundle = control_plane(index, {"pod_security_exempt_namespaces": ["storage", "kube-system", "network"]})
    exemptions = admission_plugin(bundle, "PodSecurity")["exemptions"]
    assert exemptions == {
        "usernames": [],
        "runtimeClasses": [],
        "namespaces": ["kube-system", "storage", "network"],
    }


def test_plugins_that_security_depends_on_are_always_enabled(index: FakeIndex) -> None:
    flags = unit_flags(control_plane(index, {"admission_plugins": ["AlwaysPullImages"]}), "kube-apiserver")
    assert flags["enable-admission-plugins"].split(",") == [
        "NodeRestriction",
        "PodSecurity",
        "DenyServiceExternalIPs",
        "AlwaysPullImages",
    ]
    assert "disable-admission-plugins" not in flags


def test_disabled_plugin_is_not_enabled_by_default(index: FakeIndex) -> None:
    """The API server does not start with a plugin in both flags."""
    api = {"disabled_admission_plugins": ["LimitRanger", "DefaultIngressClass"]}
    flags = unit_flags(control_plane(index, api), "kube-apiserver")
    assert flags["disable-admission-plugins"] == "LimitRanger,DefaultIngressClass"
    assert "LimitRanger" not in flags["enable-admission-plugins"]
    assert "ResourceQuota" in flags["enable-admission-plugins"]


def test_limits_for_events_enable_and_configure_their_plugin(index: FakeIndex) -> None:
    limits = [
        {"type": "Server", "qps": 50, "burst": 200},
        {"type": "Namespace", "qps": 5, "burst": 20, "cache_size": 100},
    ]
    bundle = control_plane(index, {"event_rate_limits": limits})
    assert "EventRateLimit" in unit_flags(bundle, "kube-apiserver")["enable-admission-plugins"].split(",")
    configuration = admission_plugin(bundle, "EventRateLimit")
    assert configuration["apiVersion"] == "eventratelimit.admission.k8s.io/v1alpha1"
    assert configuration["limits"] == [
        {"type": "Server", "qps": 50, "burst": 200},
        {"type": "Namespace", "qps": 5, "burst": 20, "cacheSize": 100},
    ]


def issuer_flags(bundle: Bundle) -> list[str]:
    """Return the values of --service-account-issuer in the order of the unit."""
    [unit] = [file for file in bundle.files if file.path.endswith("/kube-apiserver.service")]
    return re.findall(r"--service-account-issuer=(\S+)", unit.content)


def test_tokens_of_service_accounts_come_from_the_cluster_and_are_valid_for_their_lifetime(
    index: FakeIndex,
) -> None:
    bundle = control_plane(index)
    assert issuer_flags(bundle) == ["https://kubernetes.default.svc.cluster.local"]
    flags = unit_flags(bundle, "kube-apiserver")
    assert flags["service-account-extend-token-expiration"] == "false"
    assert "service-account-jwks-uri" not in flags


def test_accepted_issuers_follow_the_issuer_of_new_tokens(index: FakeIndex) -> None:
    """An API server signs with the first issuer and accepts all of them."""
    old = "https://kubernetes.default.svc.cluster.local"
    issuer = {
        "url": "https://tokens.example/prod",
        "accepted": [old],
        "jwks_uri": "https://tokens.example/jwks",
    }
    bundle = control_plane(index, {"service_account_issuer": issuer})
    assert issuer_flags(bundle) == ["https://tokens.example/prod", old]
    assert unit_flags(bundle, "kube-apiserver")["service-account-jwks-uri"] == "https://tokens.example/jwks"


@pytest.mark.parametrize(("setting", "flag"), [("5m", None), ("300s", None), ("1m30s", "90s")])
def test_default_downscale_window_restarts_no_controller_manager(
    index: FakeIndex, setting: str, flag: str | None
) -> None:
    sections = {"controller_manager": {"downscale_stabilization": setting}}
    bundle = bundles(cluster(sections=sections), index)["cp-1", Role.CONTROL_PLANE]
    flags = unit_flags(bundle, "kube-controller-manager")
    assert flags.get("horizontal-pod-autoscaler-downscale-stabilization") == flag


def audit_level(
    policy: Mapping[str, Any], verb: str, group: str, resource: str, *, user: str = "ada", path: str = ""
) -> str:
    """Return the level of a request: that of the first rule that matches, as in Kubernetes.

    `resource` may have a subresource (`pods/log`), which a rule matches only if it names the subresource.
    `path` is the path of a request for no resource.
    """
    for rule in policy["rules"]:
        matches_target = "resources" not in rule and "nonResourceURLs" not in rule
        if path:
            urls = rule.get("nonResourceURLs", [])
            matches_target = matches_target or any(
                path == url or (url.endswith("*") and path.startswith(url[:-1])) for url in urls
            )
        else:
            matches_target = matches_target or any(
                item["group"] == group and resource in item.get("resources", [resource])
                for item in rule.get("resources", [])
            )
        if matches_target and verb in rule.get("verbs", [verb]) and user in rule.get("users", [user]):
            level: str = rule["level"]
            return level
    raise AssertionError("no rule matches")


@pytest.mark.parametrize(
    ("group", "resource"),
    [
        ("", "secrets"),
        ("", "configmaps"),
        ("", "serviceaccounts/token"),
        ("authentication.k8s.io", "tokenreviews"),
        ("", "pods"),
        ("apps", "deployments"),
        ("example.com", "databases"),
        ("", "pods/exec"),
    ],
)
@pytest.mark.parametrize("verb", ["create", "update", "patch", "delete", "get"])
def test_audit_log_has_no_content_of_secrets_tokens_pods_and_custom_resources(
    index: FakeIndex, verb: str, group: str, resource: str
) -> None:
    assert audit_level(policy_file(control_plane(index), "audit-policy"), verb, group, resource) == "Metadata"


@pytest.mark.parametrize(
    ("group", "resource"),
    [
        ("rbac.authorization.k8s.io", "clusterrolebindings"),
        ("admissionregistration.k8s.io", "validatingwebhookconfigurations"),
        ("admissionregistration.k8s.io", "validatingadmissionpolicies"),
        ("apiregistration.k8s.io", "apiservices"),
        ("certificates.k8s.io", "certificatesigningrequests/approval"),
        ("networking.k8s.io", "networkpolicies"),
        ("", "namespaces"),
    ],
)
def test_audit_log_shows_who_changed_access_and_how(index: FakeIndex, group: str, resource: str) -> None:
    policy = policy_file(control_plane(index), "audit-policy")
    assert audit_level(policy, "patch", group, resource) == "Request"
    assert audit_level(policy, "list", group, resource) == "Metadata"


def test_audit_log_omits_health_checks_leases_and_events(index: FakeIndex) -> None:
    policy = policy_file(control_plane(index), "audit-policy")
    assert audit_level(policy, "get", "", "", path="/livez/ping") == "None"
    assert audit_level(policy, "update", "coordination.k8s.io", "leases") == "None"
    assert audit_level(policy, "create", "", "events") == "None"
    assert audit_level(policy, "get", "", "", path="/openapi/v3") == "Metadata"


def test_audit_log_has_no_responses(index: FakeIndex) -> None:
    """The response to a request for a token is the token."""
    levels = {rule["level"] for rule in policy_file(control_plane(index), "audit-policy")["rules"]}
    assert levels == {"None", "Metadata", "Request"}
