"""Tests of the table of fields whose change replaces an object."""

from __future__ import annotations

import pytest

from lab.plugins.kubernetes.naming import Kind
from lab.plugins.kubernetes.replacement import needs_replacement


@pytest.mark.parametrize(
    ("kind", "path", "replaced"),
    [
        (Kind("apps/v1", "Deployment"), "spec.selector.matchLabels.app", True),
        (Kind("apps/v1", "Deployment"), "spec.replicas", False),
        (Kind("apps/v1", "Deployment"), "spec.selectorish", False),
        (Kind("apps/v1", "DaemonSet"), "spec.selector", True),
        (Kind("apps/v1", "StatefulSet"), "spec.volumeClaimTemplates[0].spec", True),
        (Kind("batch/v1", "Job"), "spec.template.spec.containers[0].image", True),
        (Kind("v1", "Service"), "spec.clusterIP", True),
        (Kind("v1", "Service"), "spec.type", False),
        (Kind("v1", "Secret"), "type", True),
        (Kind("v1", "Pod"), "spec.containers[0].image", True),
        (Kind("v1", "Pod"), "spec.tolerations[1]", False),
        (Kind("rbac.authorization.k8s.io/v1", "RoleBinding"), "roleRef.name", True),
        (Kind("rbac.authorization.k8s.io/v1", "RoleBinding"), "subjects[0].name", False),
        (Kind("storage.k8s.io/v1", "StorageClass"), "parameters.type", True),
        (Kind("v1", "Namespace"), "metadata.name", True),
        (Kind("v1", "Namespace"), "metadata.labels.name", False),
        (Kind("v1", "ServiceAccount"), "metadata.namespace", True),
        (Kind("v1", "Namespace"), "apiVersion", True),
        (Kind("apps/v1", "Deployment", patch=True), "spec.selector", False),
        (Kind("example.com/v1", "Deployment"), "spec.selector", False),
    ],
)
def test_replacement_by_kind_and_path(kind: Kind, path: str, replaced: bool) -> None:
    assert needs_replacement(kind, path, config_maps_mutable=True, secrets_mutable=True) is replaced


@pytest.mark.parametrize(
    ("kind", "path"), [("ConfigMap", "data.a"), ("Secret", "stringData.a"), ("Secret", "data")]
)
@pytest.mark.parametrize("mutable", [True, False])
def test_changed_data_replaces_unless_mutable(kind: str, path: str, mutable: bool) -> None:
    replaced = needs_replacement(Kind("v1", kind), path, config_maps_mutable=mutable, secrets_mutable=mutable)
    assert replaced is not mutable
    assert needs_replacement(
        Kind("v1", kind), path, config_maps_mutable=True, secrets_mutable=True, immutable=True
    )
