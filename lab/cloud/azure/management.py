"""HTTP requests to the emulated management API, and what follows from changed resources: the targets of the
load balancer, and the permissions on the store.

Tests that run the program on mocks have machines without resources. For them the API describes only scale
sets, as far as a deployer polls them.
"""

from __future__ import annotations

import json
import re
import ssl
import threading
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from lab.cloud.azure.entra import EntraHandler
from lab.cloud.azure.permissions import write_role_assignments
from lab.cloud.azure.resource_manager import ResourceManager
from lab.cloud.azure.resources import Resources
from lab.cloud.azure.results import Refused
from lab.cloud.balancer import set_targets
from lab.cloud.running import MachineStates, RunningMachine

PREFIX = "/subscriptions/"
INTERFACE = "Microsoft.Network/networkInterfaces"

_SET = re.compile(
    r"(?P<id>/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\.Compute/virtualMachineScaleSets"
    r"/(?P<name>[^/]+))(?P<machines>/virtualMachines)?"
)


class ManagementHandler(EntraHandler):
    """HTTP handler of the management API, for the deployer."""

    states: MachineStates
    effects = threading.Lock()
    """Only one thread writes the files that follow from the resources."""

    def do_PATCH(self) -> None:
        """Change a resource."""
        if not self.handle_management():
            self.refuse(HTTPStatus.METHOD_NOT_ALLOWED, "UnsupportedHttpVerb", "not a resource")

    def do_POST(self) -> None:
        """Call an operation of a resource, or exchange a pod's token."""
        if not self.handle_entra():
            self.do_PATCH()

    def handle_management(self) -> bool:
        """Respond to a request to the management API. Return whether the request is one."""
        if not self.request_path.startswith(PREFIX):
            return False
        token = self.tokens.find(self.headers.get("Authorization", ""))
        resources = Resources.of(self.lab)
        if token is None or not token.is_deployer:
            self.refuse(HTTPStatus.FORBIDDEN, "AuthorizationFailed", "no right to manage")
        elif not self.query_parameter("api-version"):
            self.refuse(HTTPStatus.BAD_REQUEST, "MissingApiVersionParameter", "api-version is required")
        elif self.command == "GET" and not resources.all():
            self._send_scale_set()
        else:
            self._manage(resources)
        return True

    def _manage(self, resources: Resources) -> None:
        scheme = "https" if isinstance(self.connection, ssl.SSLSocket) else "http"
        manager = ResourceManager(self.lab, f"{scheme}://{self.headers.get('Host')}")
        data = self.read_body()
        try:
            response = manager.respond(self.command, self.request_path, json.loads(data) if data else {})
        except Refused as error:
            self.fail(error.status, error.code, str(error))
            return
        if self.command in ("PUT", "DELETE"):
            with self.effects:
                write_role_assignments(self.lab, resources)
                set_targets(self.lab, balancer_targets(resources))
        self.send_json(response.body, response.status, response.headers)

    def _send_scale_set(self) -> None:
        resource = find_resource(self.states, self.request_path)
        if resource is None:
            self.refuse(HTTPStatus.NOT_FOUND, "ResourceNotFound", "there is no such resource")
        else:
            self.send_json(resource)


def balancer_targets(resources: Resources) -> list[str]:
    """Return the addresses of the interfaces in the backend pools of load balancers."""
    configurations = [
        configuration["properties"]
        for interface in resources.of_type(INTERFACE)
        for configuration in interface.properties.get("ipConfigurations", [])
    ]
    return [
        item["privateIPAddress"] for item in configurations if item.get("loadBalancerBackendAddressPools")
    ]


def find_resource(states: MachineStates, path: str) -> Mapping[str, Any] | None:
    """Return a scale set, or the list of its machines, at a path; None for other paths.

    The capacity of a scale set is its number of machines.
    """
    match = _SET.fullmatch(path)
    if match is None:
        return None
    machines = [
        machine for machine in states.all() if machine.group and _scale_set_id(machine) == match["id"]
    ]
    if not machines:
        return None
    if match["machines"]:
        return {"value": [_describe_machine(machine) for machine in machines]}
    return {"id": path, "name": match["name"], "sku": {"capacity": len(machines)}}


def _scale_set_id(machine: RunningMachine) -> str:
    return machine.id.partition("/virtualMachines/")[0]


def _describe_machine(machine: RunningMachine) -> Mapping[str, Any]:
    return {"id": machine.id, "properties": {"osProfile": {"computerName": machine.hostname}}}
