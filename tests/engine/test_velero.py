"""Tests of the objects of Velero on a real API server: its namespace, credentials and closed ports.

There are no nodes and no pods of Velero: the chart was not rendered.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest

from testkit.control_plane import ControlPlane, skip_without_binaries
from tests.engine.manifests import apply, manifests
from tests.unit.components.conftest import Deploy, deploy
from tests.unit.components.graph import Graph, cluster_config
from tests.unit.settings.wrong_velero import BLOB, PASSWORD, S3

__all__ = ["deploy"]

LOCATIONS = {"offsite": {"s3": S3}, "azure": {"azure_blob": BLOB}}
WITH_AGENT = {"node_agent": True, "repository_password": PASSWORD}


def objects(deploy: Deploy, directory: Path, section: Any) -> list[Any]:  # noqa: ANN401 - JSON
    """Return the objects as manifests, the namespace first. Helm makes those of the chart."""
    config: Any = cluster_config(directory, workers=2)
    velero = {"locations": LOCATIONS, "default_location": "offsite"} | section
    graph: Graph = deploy(config | {"addons": {"velero": velero}})
    return manifests(graph, "velero-")


@pytest.fixture(scope="module")
def control_plane(deploy: Deploy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """Yield a control plane with the objects of a cluster without the node agent."""
    skip_without_binaries()
    with ControlPlane(tmp_path_factory.mktemp("cluster")) as running:
        apply(running, objects(deploy, tmp_path_factory.mktemp("velero"), {}))
        yield running


def secret(control_plane: ControlPlane, name: str) -> dict[str, str]:
    data = control_plane.get("secret", "-n", "velero", name)["data"]
    return {key: base64.b64decode(value).decode() for key, value in data.items()}


def test_files_of_credentials_are_those_of_the_plugins(control_plane: ControlPlane) -> None:
    profiles = ConfigParser()
    profiles.read_string(secret(control_plane, "location-offsite")["cloud"])
    assert dict(profiles["default"]) == {
        "aws_access_key_id": S3["access_key_id"],
        "aws_secret_access_key": S3["secret_access_key"],
    }
    variable, _, key = secret(control_plane, "location-azure")["cloud"].strip().partition("=")
    assert (variable, key) == ("AZURE_STORAGE_ACCOUNT_ACCESS_KEY", BLOB["account_key"])


def test_ports_are_closed_and_the_default_account_has_no_token(control_plane: ControlPlane) -> None:
    policy = control_plane.get("networkpolicy", "-n", "velero", "velero")["spec"]
    assert policy == {"podSelector": {}, "policyTypes": ["Ingress"]}
    account = control_plane.get("serviceaccount", "-n", "velero", "default")
    assert account["automountServiceAccountToken"] is False


def agent_pod() -> str:
    """Return a pod that mounts the directories of pods, as the node agent of the chart does."""
    mount = {"name": "host-pods", "mountPath": "/host_pods"}
    container = {"name": "node-agent", "image": "registry.example/velero:1", "volumeMounts": [mount]}
    volume = {"name": "host-pods", "hostPath": {"path": "/var/lib/kubelet/pods"}}
    spec = {
        "containers": [container],
        "volumes": [volume],
        "securityContext": {"runAsUser": 0},
        "automountServiceAccountToken": False,
    }
    metadata = {"name": "node-agent", "namespace": "velero"}
    return json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})


def test_pods_with_the_volumes_of_others_need_the_node_agent(
    control_plane: ControlPlane, deploy: Deploy, tmp_path: Path
) -> None:
    create = ("create", "--dry-run=server", "--filename=-")
    with pytest.raises(AssertionError, match='violates PodSecurity "baseline'):
        control_plane.kubectl(*create, stdin=agent_pod())
    apply(control_plane, objects(deploy, tmp_path, WITH_AGENT))
    control_plane.kubectl(*create, stdin=agent_pod())
    assert secret(control_plane, "velero-repo-credentials") == {"repository-password": PASSWORD}
