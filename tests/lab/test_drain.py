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
from testkit.host import PROGRAM, Host
from testkit.wait import eventually
from tests.lab.plugins_kubernetes.cluster import ControlPlane, binary
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
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    with ControlPlane(tmp_path_factory.mktemp("cluster")) as control_plane:
        yield control_plane


def kubectl(api: ControlPlane, *words: str, stdin: str = "") -> str:
    argv = [binary("kubectl"), f"--kubeconfig={api.directory / 'kubeconfig'}", *words]
    return subprocess.run(argv, input=stdin, check=True, capture_output=True, text=True, timeout=30).stdout


def test_blocked_drain_names_the_budget_and_is_resumed(api: ControlPlane, tmp_path: Path) -> None:
    account = ("get", "serviceaccount", "default", "--ignore-not-found", "-o", "name")
    eventually("service accounts", lambda: kubectl(api, *account) or None, timeout=60)
    for item in (NODE, POD, BUDGET):
        kubectl(api, "create", "-f", "-", stdin=json.dumps(item))
    kubectl(api, "patch", "pod", "web-1", "--subresource=status", "--patch", json.dumps(READY))
    budget = ("get", "pdb", "web-budget", "-o", "jsonpath={.status.currentHealthy}")
    eventually("the budget counts the pod", lambda: kubectl(api, *budget) == "1", timeout=60)
    host = Host(tmp_path, "sh")
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
        "/usr/local/lib/kubewright/bin/kubectl": binary("kubectl"),
        "/var/lib/kubelet/kubeconfig": str(api.directory / "kubeconfig"),
    }.items():
        host.path(path).parent.mkdir(parents=True, exist_ok=True)
        host.path(path).symlink_to(source)

    changed = replace(node, files=(File(MINOR, "1.36\n"),))
    began = time.monotonic()
    held = host.deliver(changed)
    assert SECONDS <= time.monotonic() - began < 3 * SECONDS
    assert held.returncode == 1
    message = held.stderr.splitlines()[-1]
    assert "pod default/web-1 is held by the disruption budget web-budget" in message, held.stderr
    assert host.path(MINOR).read_text() == "1.35\n"
    assert kubectl(api, "get", "pod", "web-1", "-o", "name") == "pod/web-1\n"
    assert kubectl(api, "get", "node", "w-1", "-o", "jsonpath={.spec.unschedulable}") == "true"

    kubectl(api, "delete", "pdb", "web-budget")
    result = host.deliver(changed)
    assert result.returncode == 0, result.stderr
    assert host.path(MINOR).read_text() == "1.36\n"
    assert kubectl(api, "get", "pods", "-o", "name") == ""
    assert kubectl(api, "get", "node", "w-1", "-o", "jsonpath={.spec.unschedulable}") == ""
