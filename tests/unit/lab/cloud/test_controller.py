"""Tests of the work of a cloud controller in a lab, with an API in memory."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lab import hosts
from lab.cloud.controller import UNINITIALIZED, Api, CloudController
from lab.cloud.running import MachineStates, RunningMachine

LAB = "unit"


class Cluster:
    """The Nodes of a cluster, the hosts with a pod of the controller, and the API servers that fail."""

    def __init__(self) -> None:
        self.nodes: dict[str, dict[str, Any]] = {}
        self.pods: set[str] = set()
        self.failed: set[str] = set()
        self.asked: list[str] = []

    def execute(self, lab: str, host: str, *_: object, **__: object) -> SimpleNamespace:
        return SimpleNamespace(returncode=0, stdout=f"authority@{host}" if host in self.pods else "")

    def call(self, api: Api, method: str, path: str, body: Any = None, _: str = "") -> Any:  # noqa: ANN401 — JSON
        self.asked.append(api.token)
        if api.token in self.failed:
            raise ConnectionRefusedError(api.address)
        name = path.removeprefix("/api/v1/nodes").strip("/")
        if method == "GET":
            return {"items": list(self.nodes.values())}
        if method == "DELETE":
            del self.nodes[name]
        elif not name.endswith("/status"):
            self.nodes[name]["spec"] |= body["spec"]
            self.nodes[name]["metadata"]["labels"] |= body["metadata"]["labels"]
        return {}


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """Return a cluster with the new Node `cp-1`, and the Node `gone`, whose machine has ended."""
    cluster = Cluster()
    monkeypatch.setenv("KUBEWRIGHT_STATE", str(tmp_path))
    monkeypatch.setattr(hosts, "execute", cluster.execute)
    monkeypatch.setattr(Api, "call", lambda api, *arguments: cluster.call(api, *arguments))
    for number in (1, 2):
        MachineStates.of(LAB).add(machine(number))
    annotations = {"alpha.kubernetes.io/provided-node-ip": "10.0.0.1"}
    taints = [{"key": UNINITIALIZED}, {"key": "node-role.kubernetes.io/control-plane"}]
    cluster.nodes["cp-1"] = {
        "metadata": {"name": "cp-1", "annotations": annotations, "labels": {}},
        "spec": {"taints": taints},
    }
    cluster.nodes["gone"] = {"metadata": {"name": "gone"}, "spec": {"providerID": "cloud://i-9"}}
    return cluster


def machine(number: int) -> RunningMachine:
    return RunningMachine(
        id=f"i-{number}",
        host=f"cp-{number}",
        address=f"10.0.0.{number}",
        hostname=f"cp-{number}",
        zone="a",
        region="x",
        identity="role",
        group="",
    )


def step() -> None:
    CloudController(LAB, lambda machine: f"cloud://{machine.id}").step()


def test_nothing_happens_without_a_pod(cluster: Cluster) -> None:
    step()
    assert cluster.asked == []
    assert set(cluster.nodes) == {"cp-1", "gone"}


def test_new_node_is_initialized_and_node_of_an_ended_machine_is_deleted(cluster: Cluster) -> None:
    cluster.pods = {"cp-1"}
    step()
    assert set(cluster.nodes) == {"cp-1"}
    node = cluster.nodes["cp-1"]
    assert node["spec"]["providerID"] == "cloud://i-1"
    assert node["spec"]["taints"] == [{"key": "node-role.kubernetes.io/control-plane"}]
    assert node["metadata"]["labels"]["topology.kubernetes.io/zone"] == "a"


def test_pod_whose_api_server_fails_does_not_stop_another(cluster: Cluster) -> None:
    cluster.pods, cluster.failed = {"cp-1", "cp-2"}, {"cp-1"}
    step()
    assert set(cluster.nodes) == {"cp-1"}
    cluster.failed = {"cp-1", "cp-2"}
    with pytest.raises(ConnectionRefusedError):
        step()
