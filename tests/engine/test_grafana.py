"""Tests of the objects of Grafana on a real API server: its secrets, files, Ingress and closed ports.

There are no nodes and no pods of Grafana: the chart was not rendered.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest

from testkit.control_plane import ControlPlane, skip_without_binaries
from tests.engine.manifests import apply, manifests
from tests.unit.components.conftest import Deploy, deploy
from tests.unit.components.graph import cluster_config
from tests.unit.settings.wrong_dashboard import ISSUERS
from tests.unit.settings.wrong_grafana import CLIENT_SECRET, OIDC, PASSWORD, monitored, settings
from tests.unit.settings.wrong_ingress import VALID as INGRESS

__all__ = ["deploy"]
PREFIXES = (
    "grafana-",
    "monitoring-namespace",
    "monitoring-alertmanager-policy",
    "monitoring-default-account",
)


@pytest.fixture(scope="module")
def control_plane(deploy: Deploy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """Yield a control plane with all objects of Grafana except those of the chart."""
    skip_without_binaries()
    grafana = settings(oidc=OIDC, ingress={"host": "grafana.example.com", "issuer": "corp"})
    addons = {"ingress": INGRESS, "cert_manager": {"issuers": ISSUERS}, "monitoring": monitored(grafana)}
    config: Any = cluster_config(tmp_path_factory.mktemp("grafana"), workers=2, addons=addons)
    config["pools"]["workers"]["taints"] = ["dedicated=ingress:NoSchedule"]
    graph = deploy(config)
    with ControlPlane(tmp_path_factory.mktemp("cluster")) as running:
        apply(running, manifests(graph, *PREFIXES))
        yield running


def test_logins_are_those_of_the_settings(control_plane: ControlPlane) -> None:
    data = control_plane.get("secret", "-n", "monitoring", "grafana-credentials")["data"]
    assert {key: base64.b64decode(text).decode() for key, text in data.items()} == {
        "admin-user": "admin",
        "admin-password": PASSWORD,
        "client-secret": CLIENT_SECRET,
    }


def test_all_dashboards_fit_into_their_object(control_plane: ControlPlane) -> None:
    files = control_plane.get("configmap", "-n", "monitoring", "grafana-dashboards")["data"]
    assert {json.loads(text)["uid"].removeprefix("kubewright-") for text in files.values()} == {
        name.removesuffix(".json") for name in files
    }


def test_ingress_and_policies_are_accepted(control_plane: ControlPlane) -> None:
    ingress = control_plane.get("ingress", "-n", "monitoring", "grafana")["spec"]
    assert ingress["tls"][0]["secretName"] == "grafana-web-certificate"
    policy = control_plane.get("networkpolicy", "-n", "monitoring", "alertmanager")["spec"]
    assert len(policy["ingress"][0]["from"]) == 3


def test_namespace_accepts_a_pod_with_the_contexts_of_the_values(control_plane: ControlPlane) -> None:
    context = {
        "allowPrivilegeEscalation": False,
        "privileged": False,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "grafana", "namespace": "monitoring"},
        "spec": {
            "automountServiceAccountToken": False,
            "securityContext": {"runAsNonRoot": True, "runAsUser": 472, "fsGroup": 472},
            "containers": [{"name": "grafana", "image": "grafana:1", "securityContext": context}],
        },
    }
    control_plane.kubectl("create", "--dry-run=server", "--filename=-", stdin=json.dumps(pod))
