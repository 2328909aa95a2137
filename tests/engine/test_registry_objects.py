"""Tests of the objects of the registry and of pull secrets on a real API server.

There are no nodes: pods do not run. Tests report them as ready in place of the kubelet.
"""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from assembly import build_topology
from components.addons.distribution_collection import NAME, commands_after, commands_before
from components.addons.distribution_pods import READER
from settings import load
from testkit.control_plane import ControlPlane, binary_path, skip_without_binaries
from testkit.wait import eventually
from tests.engine.manifests import apply_object, manifests
from tests.unit.components.conftest import Deploy, deploy
from tests.unit.components.graph import Graph, cluster_config
from tests.unit.settings.support import TWO_WORKERS, with_edits
from tests.unit.settings.wrong_distribution import PASSWORD, PULL, settings
from topology.distribution import Distribution

__all__ = ["deploy"]

ACCOUNT = f"system:serviceaccount:registry:{NAME}"
ACCESS: dict[str, Any] = {"namespaces": {"shop": {}}}
SHARED = {"volume": {"size": "1Gi", "shared": True}}


@pytest.fixture(scope="module")
def graph(deploy: Deploy, tmp_path_factory: pytest.TempPathFactory) -> Graph:
    config: Any = cluster_config(tmp_path_factory.mktemp("registry"), workers=2)
    registry = settings(storage=SHARED, replicas=2, garbage_collection={}, service={"address": "10.96.0.20"})
    sections = {"addons": {"registry": registry}, "access": ACCESS, "pull_secrets": {"corp": PULL}}
    return deploy(config | sections)


@pytest.fixture(scope="module")
def control_plane(graph: Graph, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    skip_without_binaries()
    with ControlPlane(tmp_path_factory.mktemp("cluster")) as running:
        for position, item in enumerate(manifests(graph, "registry-", "pull-secrets-", "access-")):
            object_of_patch = {**item, "kind": item["kind"].removesuffix("Patch")}
            apply_object(running, object_of_patch, f"test-{position}")
        yield running


@pytest.fixture(scope="module")
def distribution(graph: Graph) -> Distribution:
    """Return what the steps of garbage collection depend on."""
    section = settings(storage=SHARED, replicas=2, garbage_collection={})
    data = build_topology(load(with_edits(TWO_WORKERS, {"addons.registry": section}))).distribution
    assert data is not None
    return data


def as_collector(control_plane: ControlPlane, *words: str) -> subprocess.CompletedProcess[str]:
    """Run kubectl with the permissions of garbage collection."""
    command = [
        binary_path("kubectl"),
        f"--kubeconfig={control_plane.directory}/kubeconfig",
        f"--as={ACCOUNT}",
        "--namespace=registry",
        *words,
    ]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def pods(control_plane: ControlPlane, mode: str) -> list[Any]:
    selector = f"--selector=app.kubernetes.io/name=registry,app.kubernetes.io/component={mode}"
    items: list[Any] = control_plane.get("pods", "-n", "registry", selector)["items"]
    return items


def become_ready(control_plane: ControlPlane, mode: str, count: int) -> None:
    """Wait for pods of a Deployment, and report them as ready."""
    eventually(f"{count} pods", lambda: len(pods(control_plane, mode)) == count, timeout=30, interval=0.5)
    status = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    for pod in pods(control_plane, mode):
        words = ("patch", "pod", pod["metadata"]["name"], "-n", "registry", "--subresource=status")
        control_plane.kubectl(*words, f"--patch={json.dumps({'status': status})}")


def test_controllers_create_the_pods(control_plane: ControlPlane) -> None:
    """Pods that violate the level of the namespace would not exist."""
    become_ready(control_plane, "read-write", 2)
    assert not pods(control_plane, "read-only")
    service = control_plane.get("service", "-n", "registry", "registry")["spec"]
    assert service["clusterIP"] == "10.96.0.20"
    account = control_plane.get("serviceaccount", "-n", "registry", "default")
    assert account["automountServiceAccountToken"] is False


def test_collection_runs_between_writers(control_plane: ControlPlane, distribution: Distribution) -> None:
    """All steps run with the permissions of the service account."""
    become_ready(control_plane, "read-write", 2)
    for step, words in commands_before(distribution):
        if step == "await-readers":
            become_ready(control_plane, "read-only", 2)
        result = as_collector(control_plane, *words)
        assert result.returncode == 0, f"{step}: {result.stderr}"
        if step in ("start-readers", "await-readers"):
            assert len(pods(control_plane, "read-write")) == 2, "readers serve before writers stop"
    assert not pods(control_plane, "read-write")
    assert len(pods(control_plane, "read-only")) == 2
    for step, words in commands_after(distribution):
        if step == "await-writers":
            become_ready(control_plane, "read-write", 2)
        result = as_collector(control_plane, *words)
        assert result.returncode == 0, f"{step}: {result.stderr}"
    eventually("no readers", lambda: not pods(control_plane, "read-only"), timeout=30, interval=0.5)
    assert len(pods(control_plane, "read-write")) == 2


def test_collection_starts_its_pod(control_plane: ControlPlane) -> None:
    control_plane.kubectl("create", "job", "-n", "registry", "now", f"--from=cronjob/{NAME}")

    def created() -> list[Any]:
        items: list[Any] = control_plane.get("pods", "-n", "registry", "--selector=job-name=now")["items"]
        return items

    eventually("the pod exists", lambda: bool(created()), timeout=30, interval=0.5)
    assert created()[0]["spec"]["serviceAccountName"] == NAME


@pytest.mark.parametrize(
    "words",
    [
        ("patch", "deployments/registry"),
        ("delete", "deployments/registry"),
        ("patch", "deployments/other", "--subresource=scale"),
        ("get", "secrets/registry-users"),
        ("create", "pods"),
        ("delete", "pods"),
        ("list", "pods", "--namespace=kube-system"),
    ],
)
def test_collection_has_no_other_permissions(control_plane: ControlPlane, words: tuple[str, ...]) -> None:
    answer = as_collector(control_plane, "auth", "can-i", *words)
    assert answer.stdout.strip() == "no", answer
    allowed = as_collector(
        control_plane, "auth", "can-i", "patch", f"deployments/{READER}", "--subresource=scale"
    )
    assert allowed.stdout.strip() == "yes"


def test_pods_of_chosen_namespaces_get_the_pull_secret(control_plane: ControlPlane) -> None:
    container = {"name": "web", "image": "registry.corp.example/team/web:1"}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web"},
        "spec": {"containers": [container]},
    }
    for namespace, expected in (("shop", [{"name": "corp"}]), ("default", None)):
        eventually(
            "the account exists",
            partial(control_plane.get, "serviceaccounts", "-n", namespace, "default"),
            timeout=30,
            interval=0.5,
        )
        control_plane.kubectl("create", "-n", namespace, "--filename=-", stdin=json.dumps(pod))
        spec = control_plane.get("pod", "-n", namespace, "web")["spec"]
        assert spec.get("imagePullSecrets") == expected
    secret = control_plane.get("secret", "-n", "shop", "corp")
    content = json.loads(base64.b64decode(secret["data"][".dockerconfigjson"]))
    assert content["auths"]["registry.corp.example"]["password"] == PULL["password"]


def test_objects_have_no_passwords_outside_of_secrets(control_plane: ControlPlane) -> None:
    kinds = "configmaps,deployments,cronjobs,pods,services,serviceaccounts"
    text = control_plane.kubectl("get", kinds, "--all-namespaces", "--output=json")
    assert PASSWORD not in text
    assert str(PULL["password"]) not in text
