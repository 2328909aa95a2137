"""Tests of the policies of the API server: privileged pods, Pod Security, admission plugins, audit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

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
