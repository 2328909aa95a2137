"""Tests of the objects of the dashboard on a real API server: its login, its Ingress and its closed ports.

There are no nodes and no pods of Headlamp: the chart was not rendered.
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
from tests.unit.settings.wrong_dashboard import CORP, SECRET, complete

__all__ = ["deploy"]


@pytest.fixture(scope="module")
def control_plane(deploy: Deploy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """Yield a control plane with all objects of the add-on except those of the chart."""
    skip_without_binaries()
    config: Any = cluster_config(tmp_path_factory.mktemp("dashboard"), workers=2)
    config["pools"]["workers"]["taints"] = ["dedicated=ingress:NoSchedule"]
    graph = deploy(config | {"api": {"oidc": {"corp": CORP}}, "addons": complete()["addons"]})
    with ControlPlane(tmp_path_factory.mktemp("cluster")) as running:
        apply(running, manifests(graph, "dashboard-"))
        yield running


def test_secret_of_the_client_is_the_text_of_the_settings(control_plane: ControlPlane) -> None:
    data = control_plane.get("secret", "-n", "headlamp", "oidc-client")["data"]
    assert {key: base64.b64decode(text).decode() for key, text in data.items()} == {"client-secret": SECRET}


def test_ingress_and_policy_are_accepted(control_plane: ControlPlane) -> None:
    ingress = control_plane.get("ingress", "-n", "headlamp", "headlamp")
    assert [rule["host"] for rule in ingress["spec"]["rules"]] == ["headlamp.example.com"]
    policy = control_plane.get("networkpolicy", "-n", "headlamp", "headlamp")["spec"]
    assert [port["port"] for rule in policy["ingress"] for port in rule["ports"]] == [4466]


def pod(**security: object) -> str:
    """Return a pod with the security contexts in the values of the chart."""
    container = {"name": "headlamp", "image": "registry.example/headlamp:1", "securityContext": security}
    context = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    spec = {"containers": [container], "securityContext": context, "automountServiceAccountToken": False}
    metadata = {"name": "headlamp", "namespace": "headlamp"}
    return json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})


def test_namespace_accepts_only_pods_without_privileges(control_plane: ControlPlane) -> None:
    create = ("create", "--dry-run=server", "--filename=-")
    restricted = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "runAsUser": 100}
    control_plane.kubectl(*create, stdin=pod(**restricted))
    with pytest.raises(AssertionError, match='violates PodSecurity "restricted'):
        control_plane.kubectl(*create, stdin=pod())
