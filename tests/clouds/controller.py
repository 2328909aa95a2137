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

from lab.cloud.controller import is_uninitialized, machine_of, node_patch, status_patch
from lab.cloud.running import RunningMachine
from tests.clouds.deployment import Deployment
from tests.clouds.emulated_cloud import EmulatedCloud

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
            name = node["metadata"]["name"]
            machine = machine_of(node, machines)
            if machine is None:
                self.deployment.kubectl("delete", "node", name, "--wait=false")
            elif is_uninitialized(node):
                self._patch(name, status_patch(node, machine), "--subresource=status", "--type=strategic")
                self._patch(name, node_patch(node, machine, self.provider_id(machine)), "--type=merge")

    def run(self, stop: threading.Event) -> None:
        """Process the Nodes until stopped; retry when the API does not answer."""
        while not stop.wait(INTERVAL_SECONDS):
            with suppress(AssertionError):
                self.process_nodes()

    def _patch(self, name: str, body: Mapping[str, Any], *words: str) -> None:
        self.deployment.kubectl("patch", "node", name, "--patch", json.dumps(body), *words)
