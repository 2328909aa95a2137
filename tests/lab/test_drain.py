"""Lab test of a drain that a disruption budget blocks at a real API server."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from nodeconfig.bundle import Bundle, File
from testkit.control_plane import ControlPlane, binary_path
from testkit.host import PROGRAM, EmulatedHost
from testkit.wait import eventually
from topology.model import Role

MINOR = "/etc/kubewright/kubelet-minor"
LABELS = {"app": "web"}
SECONDS = 6
NODE = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "w-1"}}
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web-1", "namespace": "default", "labels": LABELS},
    "spec": {
        "nodeName": "w-1",
        "containers": [{"name": "web", "image": "web"}],
        "tolerations": [{"operator": "Exists"}],
        "terminationGracePeriodSeconds": 0,
    },
}
BUDGET = {
    "apiVersion": "policy/v1",
    "kind": "PodDisruptionBudget",
    "metadata": {"name": "web-budget", "namespace": "default"},
    "spec": {"minAvailable": 1, "selector": {"matchLabels": LABELS}},
}
READY = {"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}


@pytest.fixture(scope="module")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """Yield a running control plane without nodes on this machine."""
    with ControlPlane(tmp_path_factory.mktemp("cluster")) as running:
        yield running


def kubectl(control_plane: ControlPlane, *words: str, stdin: str = "") -> str:
    """Run kubectl as administrator and return its output."""
    argv = [binary_path("kubectl"), f"--kubeconfig={control_plane.directory / 'kubeconfig'}", *words]
    return subprocess.run(argv, input=stdin, check=True, capture_output=True, text=True, timeout=30).stdout


def test_blocked_drain_names_the_budget_and_is_resumed(control_plane: ControlPlane, tmp_path: Path) -> None:
    account = ("get", "serviceaccount", "default", "--ignore-not-found", "-o", "name")
    eventually("service accounts", lambda: kubectl(control_plane, *account) or None, timeout=60)
    for item in (NODE, POD, BUDGET):
        kubectl(control_plane, "create", "-f", "-", stdin=json.dumps(item))
    kubectl(control_plane, "patch", "pod", "web-1", "--subresource=status", "--patch", json.dumps(READY))
    budget = ("get", "pdb", "web-budget", "-o", "jsonpath={.status.currentHealthy}")
    eventually("the budget counts the pod", lambda: kubectl(control_plane, *budget) == "1", timeout=60)
    host = EmulatedHost(tmp_path, "sh")
    node = Bundle(
        role=Role.NODE,
        program=PROGRAM,
        files=(File(MINOR, "1.35\n"),),
        secrets=(),
        artifacts=(),
        services=(),
        drain=True,
        drain_on=(MINOR,),
        drain_seconds=SECONDS,
    )
    assert host.deliver(node).returncode == 0
    for path, source in {
        "/usr/local/lib/kubewright/bin/kubectl": binary_path("kubectl"),
        "/var/lib/kubelet/kubeconfig": str(control_plane.directory / "kubeconfig"),
    }.items():
        host.path(path).parent.mkdir(parents=True, exist_ok=True)
        host.path(path).symlink_to(source)

    changed = replace(node, files=(File(MINOR, "1.36\n"),))
    began = time.monotonic()
    blocked = host.deliver(changed)
    assert SECONDS <= time.monotonic() - began < 120
    assert blocked.returncode == 1
    message = blocked.stderr.splitlines()[-1]
    assert "pod default/web-1 is held by the disruption budget web-budget" in message, blocked.stderr
    assert host.path(MINOR).read_text() == "1.35\n"
    assert kubectl(control_plane, "get", "pod", "web-1", "-o", "name") == "pod/web-1\n"
    assert kubectl(control_plane, "get", "node", "w-1", "-o", "jsonpath={.spec.unschedulable}") == "true"

    kubectl(control_plane, "delete", "pdb", "web-budget")
    result = host.deliver(changed)
    assert result.returncode == 0, result.stderr
    assert host.path(MINOR).read_text() == "1.36\n"
    assert kubectl(control_plane, "get", "pods", "-o", "name") == ""
    assert kubectl(control_plane, "get", "node", "w-1", "-o", "jsonpath={.spec.unschedulable}") == ""
