"""A cluster in an emulated cloud, as the tests look at it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from lab.cloud.running import Running
from tests.clouds.controller import UNINITIALIZED, Controller
from tests.clouds.deployment import Deployment
from tests.clouds.site import Site

MEMBERS = ("cp-1", "cp-2", "cp-3")
READY_SECONDS = 420


@dataclass(frozen=True, kw_only=True)
class CloudCluster:
    """`hosts` are all its machines' places by the address; `node_name` is what a worker's node is called."""

    site: Site
    deployment: Deployment
    hosts: dict[str, str]
    node_name: Callable[[Running], str]
    provider_id: Callable[[Running], str]

    @property
    def workers(self) -> list[str]:
        """The workers' places."""
        return [host for host in self.hosts if host not in MEMBERS]

    def machine(self, host: str) -> Running:
        """The machine that runs now in that place."""
        return self.site.at(self.hosts[host])

    def ready(self) -> set[str]:
        """Names of the nodes that are Ready, and known to the cloud."""
        return {
            node["metadata"]["name"]
            for node in self.deployment.items("nodes")
            if any(c["type"] == "Ready" and c["status"] == "True" for c in node["status"]["conditions"])
            and not any(taint["key"] == UNINITIALIZED for taint in node["spec"].get("taints", []))
        }

    def whole(self) -> bool:
        """Whether exactly the nodes that there should be are Ready, each with its machine's id."""
        assert self.ready() == {*MEMBERS, *(self.node_name(self.machine(host)) for host in self.workers)}
        machines = {self.provider_id(machine): machine for machine in self.site.fleet.all()}
        for node in self.deployment.items("nodes"):
            machine = machines[node["spec"]["providerID"]]
            assert node["status"]["addresses"][0]["address"] == machine.address
        return True

    def etcd_members(self) -> dict[str, str]:
        """Names and ids of etcd's members, as one of them says."""
        keys = "--cacert etcd-ca.crt --cert operator.crt --key operator.key"
        ask = f"cd /etc/etcd/pki && curl -sSf {keys} -d '{{}}' https://127.0.0.1:2379/v3/cluster/member/list"
        found = json.loads(self.site.run("cp-2", ask))
        return {member["name"]: str(member["ID"]) for member in found["members"]}

    def schedulable(self) -> set[str]:
        """Names of the nodes that take new pods."""
        nodes = self.deployment.items("nodes")
        return {node["metadata"]["name"] for node in nodes if not node["spec"].get("unschedulable")}


@contextmanager
def controlled(controller: Controller) -> Iterator[None]:
    """With the test in the place of the cloud controller manager."""
    stop = threading.Event()
    thread = threading.Thread(target=controller.run, args=(stop,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(timeout=60)
