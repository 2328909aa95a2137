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
