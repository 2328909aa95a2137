"""The calls of the management API on single machines: interfaces, reimage, and boot diagnostics.

https://learn.microsoft.com/rest/api/compute/virtual-machine-scale-set-vms
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from http import HTTPStatus

from lab.cloud.azure import boot_diagnostics
from lab.cloud.azure.interfaces import describe_interface
from lab.cloud.azure.resources import SCALE_SET, Resource, Resources
from lab.cloud.azure.results import Refused, Response
from lab.cloud.azure.scale_set_api import instances_of
from lab.cloud.running import MachineStates, RunningMachine

_MACHINE = re.compile(
    r"(?P<machine>(?P<owner>.+/virtualMachineScaleSets/[^/]+)/virtualMachines/\d+|.+/virtualMachines/[^/]+)"
    r"/(?P<call>networkInterfaces|reimage|retrieveBootDiagnosticsData)",
    re.IGNORECASE,
)
_INTERFACES = re.compile(r"(?P<set>.+/virtualMachineScaleSets/[^/]+)/networkInterfaces", re.IGNORECASE)
_OPERATION = re.compile(
    r"/subscriptions/[^/]+/providers/Microsoft\.Compute/locations/[^/]+/operations/(?P<id>[^/]+)",
    re.IGNORECASE,
)


class MachineApi:
    """The calls on the machines of a lab. `url` is that of the emulated API and of its blob store."""

    def __init__(self, lab: str, url: str) -> None:
        self._lab, self._url = lab, url
        self._resources, self._states = Resources.of(lab), MachineStates.of(lab)

    def respond(self, method: str, path: str) -> Response | None:
        """Respond to a call on a machine; None for another call. Raise Refused as Azure does."""
        if method == "GET" and (match := _OPERATION.fullmatch(path)):
            return self._operation(match["id"])
        if method == "GET" and (match := _INTERFACES.fullmatch(path)):
            return self._interfaces(instances_of(self._states, self._resource(match["set"])), match["set"])
        match = _MACHINE.fullmatch(path)
        if match is None:
            return None
        machine = self._machine(match["machine"])
        call = match["call"].lower()
        owner = self._resource(match["owner"] or match["machine"])
        if (method, call) == ("POST", "retrievebootdiagnosticsdata"):
            return self._boot_diagnostics(machine, owner)
        if owner.type != SCALE_SET:
            return None
        if (method, call) == ("GET", "networkinterfaces"):
            return self._interfaces([machine], owner.id)
        return self._reimage(machine, owner) if (method, call) == ("POST", "reimage") else None

    def _interfaces(self, machines: Sequence[RunningMachine], scale_set: str) -> Response:
        resource = self._resource(scale_set)
        return Response(
            HTTPStatus.OK, {"value": [describe_interface(machine, resource) for machine in machines]}
        )

    def _reimage(self, machine: RunningMachine, scale_set: Resource) -> Response:
        """Request a fresh disk for an instance. The program group_machines creates the disk."""
        if machine.lifecycle != "InService":
            raise Refused(HTTPStatus.CONFLICT, "OperationNotAllowed", f"{machine.id} is being deleted")
        self._states.update(machine.id, reimage=True)
        subscription, location = scale_set.id.split("/")[2], scale_set.body["location"]
        operation = (
            f"{self._url}/subscriptions/{subscription}/providers/Microsoft.Compute/locations/{location}"
            f"/operations/{_operation_id(machine)}?api-version=2024-11-01"
        )
        headers = {"Azure-AsyncOperation": operation, "Location": f"{operation}&monitor=true"}
        return Response(HTTPStatus.ACCEPTED, {}, headers)

    def _operation(self, id: str) -> Response:
        """Describe the reimage of a machine, which ends when the machine has booted from its fresh disk."""
        for machine in self._states.all():
            if _operation_id(machine) == id:
                status = "InProgress" if machine.reimage else "Succeeded"
                return Response(HTTPStatus.OK, {"name": id, "status": status})
        raise Refused(HTTPStatus.NOT_FOUND, "NotFound", f"there is no operation {id}")

    def _boot_diagnostics(self, machine: RunningMachine, owner: Resource) -> Response:
        if not boot_diagnostics.is_enabled(owner):
            # Azure's documentation does not name the code of this error.
            raise Refused(
                HTTPStatus.CONFLICT, "OperationNotAllowed", f"{owner.id} has no boot diagnostics enabled"
            )
        return Response(HTTPStatus.OK, boot_diagnostics.describe_log(self._lab, self._url, machine))

    def _machine(self, id: str) -> RunningMachine:
        for machine in self._states.all():
            if machine.id.lower() == id.lower():
                return machine
        raise Refused(HTTPStatus.NOT_FOUND, "NotFound", f"{id} was not found")

    def _resource(self, id: str) -> Resource:
        resource = self._resources.all().get(id.lower())
        if resource is None:
            raise Refused(HTTPStatus.NOT_FOUND, "ResourceNotFound", f"{id} was not found")
        return resource


def _operation_id(machine: RunningMachine) -> str:
    """Return the id of the operation that reimages a machine."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{machine.id}/reimage"))
