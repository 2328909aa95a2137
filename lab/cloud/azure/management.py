"""HTTP requests to the emulated management API, and what follows from changed resources: the targets of the
load balancer, and the permissions on the store.

The deployer has all permissions. The identity of a machine may read instances of scale sets, if a role allows
it. Tests that run the program on mocks have machines without resources: for them the API describes only scale
sets (`recorded_sets`).
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
from lab.cloud.azure.instances import without_view
from lab.cloud.azure.permissions import write_role_assignments
from lab.cloud.azure.recorded_sets import find_recorded
from lab.cloud.azure.resource_manager import ResourceManager
from lab.cloud.azure.resources import Resources
from lab.cloud.azure.results import Refused
from lab.cloud.azure.role_assignments import reads_machine
from lab.cloud.azure.tokens import AccessToken
from lab.cloud.balancer import set_targets
from lab.cloud.running import MachineStates

PREFIX = "/subscriptions/"
AUDIENCE = "https://management.azure.com"
INTERFACE = "Microsoft.Network/networkInterfaces"

_INSTANCE = re.compile(r".+/virtualMachineScaleSets/[^/]+/virtualMachines/\d+", re.IGNORECASE)


class ManagementHandler(EntraHandler):
    """HTTP handler of the management API."""

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
        if token is None or not (token.is_deployer or self._reads_instance(token)):
            self.refuse(HTTPStatus.FORBIDDEN, "AuthorizationFailed", "no right to manage")
        elif not self.query_parameter("api-version"):
            self.refuse(HTTPStatus.BAD_REQUEST, "MissingApiVersionParameter", "api-version is required")
        elif self.command == "GET" and not resources.all():
            self._send_recorded()
        else:
            self._manage(resources)
        return True

    def _reads_instance(self, token: AccessToken) -> bool:
        """Check whether a machine reads an instance of a scale set, as a role of its identity allows."""
        return (
            self.command == "GET"
            and token.machine is not None
            and token.audience == AUDIENCE
            and token.machine.address == self.client_address[0]
            and _INSTANCE.fullmatch(self.request_path) is not None
            and reads_machine(self.lab, token.identity, self.request_path)
        )

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
        self.send_json(self._expanded(response.body), response.status, response.headers)

    def _send_recorded(self) -> None:
        resource = find_recorded(self.lab, self.request_path)
        if resource is None:
            self.refuse(HTTPStatus.NOT_FOUND, "ResourceNotFound", "there is no such resource")
        else:
            self.send_json(self._expanded(resource))

    def _expanded(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a body as the request expands it: an instance with or without its instance view."""
        if (
            self.query_parameter("$expand") == "instanceView"
            or _INSTANCE.fullmatch(self.request_path) is None
        ):
            return body
        return without_view(body)


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
