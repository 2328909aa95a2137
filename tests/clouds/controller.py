"""A minimal cloud controller manager for tests, which changes Nodes as the real controller does.

kubernetes.io/docs/concepts/architecture/cloud-controller: a new Node gets its addresses, its provider ID
and its zone, and loses the taint `uninitialized`; the Node of a terminated machine is deleted.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from lab.cloud.running import RunningMachine
from tests.clouds.deployment import Deployment
from tests.clouds.emulated_cloud import EmulatedCloud

UNINITIALIZED = "node.cloudprovider.kubernetes.io/uninitialized"
INTERVAL_SECONDS = 2.0


@dataclass(frozen=True, kw_only=True)
class Controller:
    """A cloud controller manager. `provider_id` returns the provider ID of a machine."""

    cloud: EmulatedCloud
    deployment: Deployment
    provider_id: Callable[[RunningMachine], str]

    def process_nodes(self) -> None:
        """Process all Nodes of the cluster once."""
        machines = {self.provider_id(machine): machine for machine in self.cloud.states.all()}
        for node in self.deployment.items("nodes"):
            name, spec = node["metadata"]["name"], node.get("spec", {})
            machine = self._machine_of_node(node, machines)
            if machine is None:
                self.deployment.kubectl("delete", "node", name, "--wait=false")
            elif any(taint["key"] == UNINITIALIZED for taint in spec.get("taints", [])):
                self._initialize(node, machine)

    def run(self, stop: threading.Event) -> None:
        """Process the Nodes until stopped; retry when the API does not answer."""
        while not stop.wait(INTERVAL_SECONDS):
            with suppress(AssertionError):
                self.process_nodes()

    def _machine_of_node(
        self, node: Mapping[str, Any], machines: Mapping[str, RunningMachine]
    ) -> RunningMachine | None:
        provider_id = node.get("spec", {}).get("providerID", "")
        if provider_id:
            return machines.get(provider_id)
        address = node["metadata"].get("annotations", {}).get("alpha.kubernetes.io/provided-node-ip", "")
        return next((machine for machine in machines.values() if machine.address == address), None)

    def _initialize(self, node: Mapping[str, Any], machine: RunningMachine) -> None:
        name = node["metadata"]["name"]
        addresses = [
            {"type": "InternalIP", "address": machine.address},
            {"type": "Hostname", "address": name},
        ]
        status = {"status": {"addresses": addresses}}
        self._patch(name, status, "--subresource=status", "--type=strategic")
        labels = {
            "node.kubernetes.io/instance-type": machine.type,
            "topology.kubernetes.io/region": machine.region,
            "topology.kubernetes.io/zone": machine.zone,
        }
        taints = [taint for taint in node["spec"]["taints"] if taint["key"] != UNINITIALIZED]
        spec = {"providerID": self.provider_id(machine), "taints": taints}
        self._patch(name, {"metadata": {"labels": labels}, "spec": spec}, "--type=merge")

    def _patch(self, name: str, body: Mapping[str, Any], *words: str) -> None:
        self.deployment.kubectl("patch", "node", name, "--patch", json.dumps(body), *words)
