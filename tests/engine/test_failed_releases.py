"""Tests of failed Helm releases with the real engine, the helm binary and a real API server.

No kubelet runs. The test writes the status of pods and the events that a kubelet would write.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from automation.releases.compare import compare_releases
from automation.releases.drift import ReleaseDifference
from automation.stacks.result import Outcome, Result
from testkit.chart_repository import write_chart
from testkit.control_plane import ControlPlane, skip_without_binaries
from tests.engine.release_stack import Deployer

PASSWORD = "open-Sesame-4711"
PROGRAM = """
import json, pathlib
import pulumi
import pulumi_kubernetes as k8s

here = pathlib.Path({directory!r})
cluster = k8s.Provider("kubernetes", kubeconfig=pulumi.Output.secret((here / "kubeconfig").read_text()),
    cluster_identifier="loopback")
values = json.loads((here / "values.json").read_text())
values["password"] = pulumi.Config("kubewright").require_secret("password")
k8s.helm.v3.Release("helm-web", name="web", namespace="shop", create_namespace=True,
    chart=str(here / "chart"), atomic=values.pop("atomic"), timeout=values.pop("timeout"), values=values,
    opts=pulumi.ResourceOptions(provider=cluster))
"""
DEPLOYMENT = """\
apiVersion: v1
kind: Secret
metadata: {name: web}
stringData: {password: {{ .Values.password | quote }}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      automountServiceAccountToken: false
      containers: [{name: server, image: {{ .Values.image | quote }}}]
{{- if .Values.data }}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec:
  accessModes: [ReadWriteOnce]
  storageClassName: fast
  resources: {requests: {storage: 1Gi}}
{{- end }}
"""
PULL_ERROR = f"Back-off pulling image: ErrImagePull: not found, token {PASSWORD}"


@pytest.fixture
def control_plane(tmp_path: Path) -> Iterator[ControlPlane]:
    skip_without_binaries()
    directory = tmp_path / "cluster"
    directory.mkdir()
    with ControlPlane(directory) as running:
        yield running


@pytest.fixture
def deployer(tmp_path: Path, control_plane: ControlPlane, monkeypatch: pytest.MonkeyPatch) -> Deployer:
    monkeypatch.delenv("PULUMI_BACKEND_URL", raising=False)
    monkeypatch.setenv("PULUMI_CREDENTIALS_PATH", str(tmp_path))
    chart = {"Chart.yaml": "apiVersion: v2\nname: web\nversion: 1.0.0\n", "templates/web.yaml": DEPLOYMENT}
    deployer = Deployer(tmp_path, control_plane.kubeconfig, PROGRAM, {"kubewright:password": PASSWORD})
    write_chart(deployer.program / "chart", chart)
    return deployer


def deploy(deployer: Deployer, **values: object) -> tuple[Result, str]:
    """Deploy the release with these values. Return the result and the printed lines."""
    defaults = {"atomic": True, "timeout": 20, "image": "example/web:1", "data": False}
    return deployer.up({**defaults, **values})


def pods(control_plane: ControlPlane) -> list[Any]:
    found: list[Any] = control_plane.get("pods", "-n", "shop")["items"]
    return found


def write_status(control_plane: ControlPlane, pod: Any, status: dict[str, Any]) -> None:  # noqa: ANN401
    name = pod["metadata"]["name"]
    patch = json.dumps({"status": status})
    control_plane.kubectl(
        "patch", "pod", name, "-n", "shop", "--subresource=status", "--type=merge", "-p", patch
    )


def run_pod(control_plane: ControlPlane, pod: Any) -> None:  # noqa: ANN401
    """Report a pod as ready."""
    ready = {"type": "Ready", "status": "True"}
    write_status(control_plane, pod, {"phase": "Running", "conditions": [ready]})


def fail_pull(control_plane: ControlPlane, pod: Any) -> None:  # noqa: ANN401
    """Report that the image of a pod cannot be pulled."""
    waiting = {"reason": "ImagePullBackOff", "message": PULL_ERROR}
    container = {"name": "server", "image": "x", "imageID": "", "ready": False, "restartCount": 0}
    scheduled = {"type": "PodScheduled", "status": "True"}
    state = {"containerStatuses": [{**container, "state": {"waiting": waiting}}], "conditions": [scheduled]}
    write_status(control_plane, pod, state)


def refuse_node(control_plane: ControlPlane, pod: Any) -> None:  # noqa: ANN401
    """Report that no node has room for a pod."""
    message = "0/3 nodes are available: 3 Insufficient memory."
    scheduled = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    write_status(control_plane, pod, {"conditions": [scheduled]})


@contextmanager
def kubelet(control_plane: ControlPlane, act: Callable[[ControlPlane, Any], None]) -> Iterator[None]:
    """Report the status of every new pod until the block ends."""
    ended = threading.Event()

    def work() -> None:
        seen: set[str] = set()
        while not ended.wait(0.5):
            try:
                for pod in pods(control_plane):
                    if pod["metadata"]["uid"] not in seen:
                        act(control_plane, pod)
                        seen.add(pod["metadata"]["uid"])
            except AssertionError:  # the pod is gone
                continue

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def test_failed_release_names_object_and_cause_and_the_next_up_succeeds(
    deployer: Deployer, control_plane: ControlPlane
) -> None:
    with kubelet(control_plane, fail_pull):
        result, text = deploy(deployer, image="example/web:none")
    assert result.outcome is Outcome.FAILED, text
    line = next(line for line in text.splitlines() if "Deployment shop/web" in line)
    assert "0 of 2 pods are ready; pod web-" in line
    assert "container server: ImagePullBackOff: Back-off pulling image: ErrImagePull: not found" in line
    assert PASSWORD not in text + "".join(result.errors)
    assert any("ImagePullBackOff" in error for error in result.errors)
    # Helm has removed the failed installation.
    assert control_plane.get("deployments", "-n", "shop")["items"] == []

    with kubelet(control_plane, run_pod):
        result, text = deploy(deployer)
    assert result.outcome is Outcome.CHANGES, text
    assert "not ready" not in text

    with kubelet(control_plane, refuse_node):
        result, text = deploy(deployer, image="example/web:2")
    assert result.outcome is Outcome.FAILED, text
    assert "Unschedulable: 0/3 nodes are available: 3 Insufficient memory." in text
    # Helm has rolled back to the version that ran before.
    containers = control_plane.get("deployment", "web", "-n", "shop")["spec"]["template"]["spec"][
        "containers"
    ]
    assert containers[0]["image"] == "example/web:1"

    with kubelet(control_plane, run_pod):
        result, text = deploy(deployer, image="example/web:3")
    assert result.outcome is Outcome.CHANGES, text


def test_quota_and_pending_claim_are_named_without_a_rollback(
    deployer: Deployer, control_plane: ControlPlane
) -> None:
    control_plane.kubectl("create", "namespace", "shop")
    control_plane.kubectl("create", "quota", "none", "-n", "shop", "--hard=pods=0")
    result, text = deploy(deployer, atomic=False, data=True, timeout=15)
    assert result.outcome is Outcome.FAILED
    assert "Deployment shop/web: 0 of 2 pods are ready; FailedCreate: pods " in text
    assert "exceeded quota: none, requested: pods=1" in text
    assert "PersistentVolumeClaim shop/data: phase Pending, no volume; ProvisioningFailed" in text
    assert 'storageclass.storage.k8s.io "fast" not found' in text

    control_plane.kubectl("delete", "quota", "none", "-n", "shop")
    with kubelet(control_plane, run_pod):
        result, text = deploy(deployer, atomic=False, timeout=60)
    assert result.outcome is Outcome.CHANGES, text


def test_changes_of_a_release_by_hand_are_drift(deployer: Deployer, control_plane: ControlPlane) -> None:
    with kubelet(control_plane, run_pod):
        result, text = deploy(deployer, timeout=60)
    assert result.outcome is Outcome.CHANGES, text
    assert compare_releases(deployer.engine) == {"shop/web": []}

    control_plane.kubectl("scale", "deployment", "web", "-n", "shop", "--replicas=3")
    control_plane.kubectl("patch", "secret", "web", "-n", "shop", "-p", '{"data": {"password": "bmV3"}}')
    (differences,) = compare_releases(deployer.engine).values()
    assert [str(item) for item in differences] == [
        str(ReleaseDifference("Secret shop/web", "data.password: changed")),
        str(ReleaseDifference("Deployment shop/web", "spec.replicas: 3 instead of 2")),
    ]
    control_plane.kubectl("delete", "deployment", "web", "-n", "shop")
    (differences,) = compare_releases(deployer.engine).values()
    assert ReleaseDifference("Deployment shop/web", "was deleted") in differences
