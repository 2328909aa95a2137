"""The work of a cloud controller manager in a lab, for the pods of the lab's chart of the same name.

A pod of the chart does nothing, but its node, its permissions and its token are real. While such a pod runs,
this module changes Nodes with the token of the pod: a new Node gets its addresses, its provider ID and its
labels, and loses the taint `uninitialized`; the Node of a terminated machine is deleted. Without a running
pod nothing happens, for example when no node has the labels and taints that the chart's values require.

https://kubernetes.io/docs/concepts/architecture/cloud-controller/
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.request import HTTPSHandler, Request, build_opener

from lab import hosts
from lab.cloud.running import MachineStates, RunningMachine
from lab.errors import LabError
from topology.ports import API_PORT

UNINITIALIZED = "node.cloudprovider.kubernetes.io/uninitialized"
_VOLUMES = "/var/lib/kubelet/pods/*/volumes/kubernetes.io~projected/cloud-controller"
_READ = f"cd {_VOLUMES} 2>/dev/null && cat ca.crt && printf '%s' @ && cat token"
_TIMEOUT_SECONDS = 10
_MERGE, _STRATEGIC = "application/merge-patch+json", "application/strategic-merge-patch+json"


@dataclass(frozen=True, slots=True)
class Api:
    """The API server on one host, with the identity of a pod on this host."""

    address: str
    authority: str
    token: str

    def call(self, method: str, path: str, body: object = None, content: str = "application/json") -> Any:  # noqa: ANN401 — JSON
        """Send a request and return the response. Raise OSError if it fails."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": content}
        request = Request(
            f"https://{self.address}:{API_PORT}{path}", data=data, method=method, headers=headers
        )
        context = ssl.create_default_context(cadata=self.authority)
        with build_opener(HTTPSHandler(context=context)).open(request, timeout=_TIMEOUT_SECONDS) as response:
            return json.load(response)


class CloudController:
    """The cloud controller manager of a lab. `provider_id` returns the provider ID of a machine."""

    def __init__(self, lab: str, provider_id: Callable[[RunningMachine], str]) -> None:
        self._lab, self._states, self._provider_id = lab, MachineStates.of(lab), provider_id

    def step(self) -> None:
        """Process all Nodes once, if a pod of the controller runs.

        The pods of a real controller elect a leader, so a pod whose API server does not answer does not
        stop the others. Raise OSError if no API server answers.
        """
        failure: OSError | None = None
        for api in self._running_pods():
            try:
                self._process_nodes(api)
            except OSError as error:
                failure = error
            else:
                return
        if failure is not None:
            raise failure

    def _process_nodes(self, api: Api) -> None:
        machines = {self._provider_id(machine): machine for machine in self._states.all()}
        for node in api.call("GET", "/api/v1/nodes")["items"]:
            self._process(api, node, machines)

    def _running_pods(self) -> Iterator[Api]:
        """Yield the API with the identity of each running pod of the controller."""
        for machine in self._states.all():
            try:
                result = hosts.execute(self._lab, machine.host, ["sh", "-c", _READ], stdin="", timeout=20)
            except LabError:
                continue  # the machine has ended
            authority, found, token = result.stdout.rpartition("@")
            if result.returncode == 0 and found:
                yield Api(machine.address, authority, token)

    def _process(self, api: Api, node: Mapping[str, Any], machines: Mapping[str, RunningMachine]) -> None:
        name = node["metadata"]["name"]
        machine = machine_of(node, machines)
        if machine is None:
            api.call("DELETE", f"/api/v1/nodes/{name}")
        elif is_uninitialized(node):
            path = f"/api/v1/nodes/{name}"
            api.call("PATCH", f"{path}/status", status_patch(node, machine), _STRATEGIC)
            api.call("PATCH", path, node_patch(node, machine, self._provider_id(machine)), _MERGE)


def is_uninitialized(node: Mapping[str, Any]) -> bool:
    """Check whether a Node waits for the cloud controller."""
    return any(taint["key"] == UNINITIALIZED for taint in node.get("spec", {}).get("taints", []))


def machine_of(node: Mapping[str, Any], machines: Mapping[str, RunningMachine]) -> RunningMachine | None:
    """Return the machine of a Node, or None if it has ended. `machines` have provider IDs as keys."""
    if identity := node.get("spec", {}).get("providerID", ""):
        return machines.get(identity)
    address = node["metadata"].get("annotations", {}).get("alpha.kubernetes.io/provided-node-ip", "")
    return next((machine for machine in machines.values() if machine.address == address), None)


def status_patch(node: Mapping[str, Any], machine: RunningMachine) -> dict[str, Any]:
    """Return the strategic merge patch with the addresses of a new Node."""
    addresses = [
        {"type": "InternalIP", "address": machine.address},
        {"type": "Hostname", "address": node["metadata"]["name"]},
    ]
    return {"status": {"addresses": addresses}}


def node_patch(node: Mapping[str, Any], machine: RunningMachine, provider_id: str) -> dict[str, Any]:
    """Return the merge patch with the labels and provider ID of a new Node, without `UNINITIALIZED`."""
    labels = {
        "node.kubernetes.io/instance-type": machine.type,
        "topology.kubernetes.io/region": machine.region,
        "topology.kubernetes.io/zone": machine.zone,
    }
    taints = [taint for taint in node["spec"]["taints"] if taint["key"] != UNINITIALIZED]
    return {"metadata": {"labels": labels}, "spec": {"providerID": provider_id, "taints": taints}}
