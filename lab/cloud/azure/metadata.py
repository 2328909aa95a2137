"""The emulated instance metadata service: machine data, identity tokens and scheduled events.

https://learn.microsoft.com/azure/virtual-machines/instance-metadata-service
"""

from __future__ import annotations

import json
import time
from http import HTTPStatus
from typing import Any

from lab.cloud.azure.responses import Handler
from lab.cloud.azure.tokens import SECONDS, Tokens
from lab.cloud.running import MachineStates, RunningMachine

SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"


class Metadata(Handler):
    """HTTP handler of the metadata service. It refuses requests without the required header and requests
    from a proxy.
    """

    states: MachineStates
    tokens: Tokens

    def do_GET(self) -> None:
        """Return the value at a path."""
        machine = self._requesting_machine()
        if machine is None:
            return
        if self.where == "/metadata/identity/oauth2/token":
            self._send_token(machine)
        elif self.where == "/metadata/scheduledevents":
            self.give_json(_scheduled_events(machine))
        elif self.where == "/metadata/instance" or self.where.startswith("/metadata/instance/"):
            self._instance(machine)
        else:
            self.refuse(HTTPStatus.NOT_FOUND, "NotFound", "there is no such item")

    def do_POST(self) -> None:
        """Approve the start of a scheduled event."""
        machine = self._requesting_machine()
        if machine is None:
            return
        if self.where != "/metadata/scheduledevents":
            self.refuse(HTTPStatus.NOT_FOUND, "NotFound", "there is no such item")
            return
        asked = {item["EventId"] for item in json.loads(self.body())["StartRequests"]}
        if not asked & {event["EventId"] for event in _scheduled_events(machine)["Events"]}:
            self.refuse(HTTPStatus.BAD_REQUEST, "BadRequest", "no such event")
            return
        self.states.update(machine.id, released=True)
        self.give(b"", "text/plain")

    def _requesting_machine(self) -> RunningMachine | None:
        machine = self.states.at(self.client_address[0])
        if machine is None or self.headers.get("X-Forwarded-For"):
            self.refuse(HTTPStatus.FORBIDDEN, "Forbidden", "no machine of this cloud, or by a proxy")
            return None
        if self.headers.get("Metadata", "").lower() != "true":
            self.refuse(HTTPStatus.BAD_REQUEST, "Bad request", "Required metadata header not specified")
            return None
        if not self.query("api-version"):
            self.refuse(HTTPStatus.BAD_REQUEST, "Bad request", "api-version was not specified in the request")
            return None
        return machine

    def _send_token(self, machine: RunningMachine) -> None:
        resource, client = self.query("resource"), self.query("client_id")
        if not resource or not machine.identity:
            self.refuse(
                HTTPStatus.BAD_REQUEST, "invalid_request", "no resource, or the machine has no identity"
            )
        elif client not in ("", machine.identity):
            self.refuse(HTTPStatus.BAD_REQUEST, "invalid_request", "Identity not found")
        else:
            self.give_json(
                {
                    "access_token": self.tokens.issue(machine, resource),
                    "client_id": machine.identity,
                    "expires_in": str(SECONDS),
                    "expires_on": str(int(time.time()) + SECONDS),
                    "ext_expires_in": str(SECONDS),
                    "not_before": str(int(time.time())),
                    "resource": resource,
                    "token_type": "Bearer",
                }
            )

    def _instance(self, machine: RunningMachine) -> None:
        found: Any = _instance(machine)
        for part in self.where.removeprefix("/metadata/instance").strip("/").split("/"):
            if part:
                try:
                    found = found[int(part)] if isinstance(found, list) else found[part]
                except (KeyError, IndexError, ValueError, TypeError):
                    self.refuse(HTTPStatus.NOT_FOUND, "NotFound", "there is no such item")
                    return
        if self.query("format") == "text" and isinstance(found, str):
            self.give(found.encode(), "text/plain; charset=utf-8")
        elif isinstance(found, str):
            # As in the real service, a single value is available only as text.
            self.refuse(HTTPStatus.BAD_REQUEST, "Bad request", "a leaf is given as text only: format=text")
        else:
            self.give_json(found)


def _instance(machine: RunningMachine) -> dict[str, Any]:
    address = {"privateIpAddress": machine.address, "publicIpAddress": ""}
    return {
        "compute": {
            "azEnvironment": "AzurePublicCloud",
            "location": machine.region,
            "name": _instance_name(machine),
            "osProfile": {"computerName": machine.hostname},
            "resourceGroupName": "kubewright",
            "resourceId": machine.id,
            "subscriptionId": SUBSCRIPTION,
            "vmId": machine.id.rpartition("/")[2],
            "vmScaleSetName": machine.group,
            "vmSize": machine.type,
            "zone": machine.zone,
        },
        "network": {
            "interface": [
                {
                    "ipv4": {
                        "ipAddress": [address],
                        "subnet": [{"address": machine.address, "prefix": "24"}],
                    },
                    "macAddress": "000D3A000000",
                }
            ]
        },
    }


def _instance_name(machine: RunningMachine) -> str:
    """Return the name that Azure assigns: the name of a scale set instance is the name of the set and a
    number.
    """
    words = machine.id.split("/")
    return f"{machine.group}_{words[-1]}" if machine.group else words[-1]


def _scheduled_events(machine: RunningMachine) -> dict[str, Any]:
    if machine.lifecycle == "InService":
        return {"DocumentIncarnation": 1, "Events": []}
    event = {
        "EventId": f"leave-{machine.hostname}",
        "EventType": "Preempt" if machine.spot_action else "Terminate",
        "ResourceType": "VirtualMachine",
        "Resources": [_instance_name(machine)],
        "EventStatus": "Scheduled",
        "NotBefore": "Mon, 01 Jan 2029 00:00:00 GMT",
        "EventSource": "Platform",
        "DurationInSeconds": -1,
        "Description": "",
    }
    return {"DocumentIncarnation": 2, "Events": [event]}
