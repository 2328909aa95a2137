"""A cluster in an emulated cloud, with checks for tests."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from lab.cloud.controller import is_uninitialized
from lab.cloud.running import RunningMachine
from testkit.wait import eventually
from tests.clouds.controller import Controller
from tests.clouds.deployment import Deployment
from tests.clouds.emulated_cloud import EmulatedCloud

MEMBERS = ("cp-1", "cp-2", "cp-3")
READY_SECONDS = 420


@dataclass(frozen=True, kw_only=True)
class CloudCluster:
    """A cluster in an emulated cloud.

    `hosts` are the addresses of the lab's hosts by name. A host runs one machine at a time: a new machine
    replaces a terminated machine on the same host. `node_name` returns the node name of a worker.
    """

    cloud: EmulatedCloud
    deployment: Deployment
    hosts: dict[str, str]
    node_name: Callable[[RunningMachine], str]
    provider_id: Callable[[RunningMachine], str]

    @property
    def workers(self) -> list[str]:
        """Return the names of the lab's hosts that run workers."""
        return [host for host in self.hosts if host not in MEMBERS]

    def machine(self, host: str) -> RunningMachine:
        """Return the machine that currently runs on a host of the lab."""
        return self.cloud.machine_at(self.hosts[host])

    def ready_nodes(self) -> set[str]:
        """Return the names of the nodes that are Ready and known to the cloud."""
        return {
            node["metadata"]["name"]
            for node in self.deployment.items("nodes")
            if any(c["type"] == "Ready" and c["status"] == "True" for c in node["status"]["conditions"])
            and not is_uninitialized(node)
        }

    def is_healthy(self) -> bool:
        """Check whether exactly the expected nodes are Ready, each with the id of its machine."""
        assert self.ready_nodes() == {
            *MEMBERS,
            *(self.node_name(self.machine(host)) for host in self.workers),
        }
        machines = {self.provider_id(machine): machine for machine in self.cloud.states.all()}
        for node in self.deployment.items("nodes"):
            machine = machines.get(node["spec"]["providerID"])
            assert machine is not None, f"{node['metadata']['name']} is the node of a terminated machine"
            assert node["status"]["addresses"][0]["address"] == machine.address
        return True

    def etcd_members(self, host: str = "cp-2") -> dict[str, str]:
        """Return names and ids of etcd's members, read from a member with a quorum."""
        keys = "--cacert etcd-ca.crt --cert operator.crt --key operator.key"
        command = (
            f"cd /etc/etcd/pki && curl -sSf {keys} -d '{{}}' https://127.0.0.1:2379/v3/cluster/member/list"
        )
        response = json.loads(self.cloud.run(host, command))
        return {member["name"]: str(member["ID"]) for member in response["members"]}

    def has_rejoined(self, host: str, ids: dict[str, str]) -> bool:
        """Check whether a control plane is a member again, with the same etcd member and a healthy
        kubelet.
        """
        assert self.etcd_members(host) == ids
        self.cloud.run(host, "curl -sf http://127.0.0.1:10248/healthz")
        return self.is_healthy()

    def spread_pods(self) -> None:
        """Create pods on every worker, so that a drain has pods to evict."""
        labels = {"app": "movable"}
        spread = {
            "maxSkew": 1,
            "topologyKey": "kubernetes.io/hostname",
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": labels},
        }
        pod = {
            "terminationGracePeriodSeconds": 1,
            "topologySpreadConstraints": [spread],
            "containers": [{"name": "pause", "image": "registry.k8s.io/pause:3.10.1"}],
        }
        template = {"metadata": {"labels": labels}, "spec": pod}
        body = {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "movable", "namespace": "default"},
            "spec": {"replicas": 4, "selector": {"matchLabels": labels}, "template": template},
        }
        self.deployment.kubectl("apply", "-f", "-", stdin=json.dumps(body))
        eventually("pods run on every worker", self._pods_on_every_worker, timeout=120)

    def count_pods(self, node: str) -> int:
        """Return the number of running pods of `spread_pods` on a node."""
        return self._pod_nodes().count(node)

    def _pods_on_every_worker(self) -> list[str]:
        pod_nodes = self._pod_nodes()
        workers = {self.node_name(self.machine(host)) for host in self.workers}
        assert set(pod_nodes) == workers
        assert len(pod_nodes) == 4
        return pod_nodes

    def _pod_nodes(self) -> list[str]:
        pods = self.deployment.items("pods", "-n", "default", "-l", "app=movable")
        return [pod["spec"]["nodeName"] for pod in pods if pod["status"]["phase"] == "Running"]

    def schedulable_nodes(self) -> set[str]:
        """Return the names of the nodes that accept new pods."""
        nodes = self.deployment.items("nodes")
        return {node["metadata"]["name"] for node in nodes if not node["spec"].get("unschedulable")}


@contextmanager
def run_controller(controller: Controller) -> Iterator[None]:
    """Run the test's cloud controller manager inside the block."""
    stop = threading.Event()
    thread = threading.Thread(target=controller.run, args=(stop,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(timeout=60)
