"""Tests of namespaces, roles and Helm releases on mocks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.unit.components.graph import Graph, Json, cluster_config

Deploy = Callable[[Json], Graph]
PRIVILEGED = {"pod-security.kubernetes.io/enforce": "privileged"}
DRIVERS: Json = {"chart": "./lab/charts/hello", "namespace": "drivers", "create_namespace": True}


def test_labeled_namespace_exists_before_its_releases_and_remains_after_them(
    deploy: Deploy, tmp_path: Path
) -> None:
    """Without the label, Pod Security would refuse the first pods of the release."""
    releases = {"csi": DRIVERS | {"namespace_labels": PRIVILEGED}, "extra": DRIVERS}
    graph = deploy(cluster_config(tmp_path, workers=0, helm_releases=releases))
    [namespace] = [
        node for node in graph.of_type("kubernetes:core/v1:Namespace") if node.name.startswith("helm-")
    ]
    assert namespace.inputs["metadata"] == {"name": "drivers", "labels": PRIVILEGED}
    assert namespace.retained
    for release in ("helm-csi", "helm-extra"):
        assert namespace.name in graph.dependencies(graph.node(release))


def test_helm_creates_namespaces_without_labels(deploy: Deploy, tmp_path: Path) -> None:
    graph = deploy(cluster_config(tmp_path, workers=0, helm_releases={"csi": DRIVERS}))
    assert graph.of_type("kubernetes:core/v1:Namespace") == []
    assert graph.node("helm-csi").inputs["createNamespace"] is True


def test_rule_about_urls_has_no_resources(deploy: Deploy, tmp_path: Path) -> None:
    rules = [
        {"non_resource_urls": ["/metrics", "/healthz/*"], "verbs": ["get"], "api_groups": ["", "apps"]},
        {"resources": ["nodes"], "verbs": ["list"]},
    ]
    graph = deploy(cluster_config(tmp_path, workers=0, access={"roles": {"scrape": {"rules": rules}}}))
    assert graph.node("access-role-scrape").inputs["rules"] == [
        {"nonResourceURLs": ["/metrics", "/healthz/*"], "verbs": ["get"]},
        {"apiGroups": [""], "resources": ["nodes"], "verbs": ["list"]},
    ]
