"""The emulated instance metadata service: data about machines, tokens, attested documents and events.

https://learn.microsoft.com/azure/virtual-machines/instance-metadata-service
"""

from __future__ import annotations

import base64
import json
import time
from http import HTTPStatus
from typing import Any

from lab.cloud.azure.attestation import ISSUER_PATH, Attestation, is_nonce
from lab.cloud.azure.deployer import DEPLOYER_TOKEN_PATH
from lab.cloud.azure.instances import machine_id
from lab.cloud.azure.responses import Handler
from lab.cloud.azure.tokens import LIFETIME_SECONDS, AccessTokens
from lab.cloud.running import MachineStates, RunningMachine


class Metadata(Handler):
    """HTTP handler of the metadata service. It refuses requests without the required header and requests
    from a proxy.
    """

    states: MachineStates
    tokens: AccessTokens
    attestation: Attestation

    def do_GET(self) -> None:
        """Handle a request for machine data, a token, an attested document or scheduled events."""
        if self.request_path == DEPLOYER_TOKEN_PATH:
            self._send_deployer_token()
            return
        if self.request_path == ISSUER_PATH:
            self.send(self.attestation.issuer_der, "application/pkix-cert")
            return
        machine = self._requesting_machine()
        if machine is None:
            return
        if self.request_path == "/metadata/identity/oauth2/token":
            self._send_token(machine)
        elif self.request_path == "/metadata/attested/document":
            self._send_document(machine)
        elif self.request_path == "/metadata/scheduledevents":
            self.send_json(_scheduled_events(machine))
        elif self.request_path == "/metadata/instance" or self.request_path.startswith("/metadata/instance/"):
            self._send_instance_metadata(machine)
        else:
            self.refuse(HTTPStatus.NOT_FOUND, "NotFound", "there is no such item")

    def do_POST(self) -> None:
        """Handle the approval of a scheduled event, after which the event starts."""
        machine = self._requesting_machine()
        if machine is None:
            return
        if self.request_path != "/metadata/scheduledevents":
            self.refuse(HTTPStatus.NOT_FOUND, "NotFound", "there is no such item")
            return
        approved_ids = {item["EventId"] for item in json.loads(self.read_body())["StartRequests"]}
        if not approved_ids & {event["EventId"] for event in _scheduled_events(machine)["Events"]}:
            self.refuse(HTTPStatus.BAD_REQUEST, "BadRequest", "no such event")
            return
        self.states.update(machine.id, released=True)
        self.send(b"", "text/plain")

    def _requesting_machine(self) -> RunningMachine | None:
        machine = self.states.by_address(self.client_address[0])
        if machine is None or self.headers.get("X-Forwarded-For"):
            self.refuse(HTTPStatus.FORBIDDEN, "Forbidden", "no machine of this cloud, or by a proxy")
            return None
        if self.headers.get("Metadata", "").lower() != "true":
            self.refuse(HTTPStatus.BAD_REQUEST, "Bad request", "Required metadata header not specified")
            return None
        if not self.query_parameter("api-version"):
            self.refuse(HTTPStatus.BAD_REQUEST, "Bad request", "api-version was not specified in the request")
            return None
        return machine

    def _send_deployer_token(self) -> None:
        """Send the token of the deployer, who knows its secret."""
        secret = self.headers.get("X-IDENTITY-HEADER", "")
        token = self.tokens.find(f"Bearer {secret}")
        if token is None or not token.is_deployer:
            self.refuse(HTTPStatus.UNAUTHORIZED, "Unauthorized", "not the deployer")
            return
        expiry = int(time.time()) + LIFETIME_SECONDS
        resource = self.query_parameter("resource")
        self.send_json(
            {
                "access_token": secret,
                "expires_on": str(expiry),
                "resource": resource,
                "token_type": "Bearer",
            }
        )

    def _send_token(self, machine: RunningMachine) -> None:
        resource = self.query_parameter("resource")
        identity = self._requested_identity(machine)
        if not resource or not machine.identity:
            self.refuse(
                HTTPStatus.BAD_REQUEST, "invalid_request", "no resource, or the machine has no identity"
            )
        elif identity is None:
            self.refuse(
                HTTPStatus.BAD_REQUEST,
                "invalid_request",
                "Identity not found, or multiple user assigned identities exist and the request names none",
            )
        else:
            self.send_json(
                {
                    "access_token": self.tokens.issue(machine, resource, identity),
                    "client_id": identity,
                    "expires_in": str(LIFETIME_SECONDS),
                    "expires_on": str(int(time.time()) + LIFETIME_SECONDS),
                    "ext_expires_in": str(LIFETIME_SECONDS),
                    "not_before": str(int(time.time())),
                    "resource": resource,
                    "token_type": "Bearer",
                }
            )

    def _send_document(self, machine: RunningMachine) -> None:
        """Send a signed document about the machine that asks, with the nonce of the request."""
        nonce = self.query_parameter("nonce")
        if nonce and not is_nonce(nonce):
            self.refuse(HTTPStatus.BAD_REQUEST, "Bad request", "a nonce has up to 32 letters and digits")
            return
        document = self.attestation.sign(machine_id(machine), _subscription(machine), nonce)
        self.send_json({"encoding": "pkcs7", "signature": base64.b64encode(document).decode()})

    def _requested_identity(self, machine: RunningMachine) -> str | None:
        """Return the client id of the identity that the request names, or of the only identity; else None."""
        client, resource_id = self.query_parameter("client_id"), self.query_parameter("msi_res_id")
        clients = {machine.identity, *machine.identities.values()}
        if client:
            return client if client in clients else None
        if resource_id:
            by_id = {id.lower(): client for id, client in machine.identities.items()}
            return by_id.get(resource_id.lower())
        return machine.identity if len(clients) == 1 else None

    def _send_instance_metadata(self, machine: RunningMachine) -> None:
        value: Any = _instance_metadata(machine)
        for key in self.request_path.removeprefix("/metadata/instance").strip("/").split("/"):
            if key:
                try:
                    value = value[int(key)] if isinstance(value, list) else value[key]
                except (KeyError, IndexError, ValueError, TypeError):
                    self.refuse(HTTPStatus.NOT_FOUND, "NotFound", "there is no such item")
                    return
        if self.query_parameter("format") == "text" and isinstance(value, str):
            self.send(value.encode(), "text/plain; charset=utf-8")
        elif isinstance(value, str):
            # As in the real service, a single value is available only as text.
            self.refuse(HTTPStatus.BAD_REQUEST, "Bad request", "a leaf is given as text only: format=text")
        else:
            self.send_json(value)


def _instance_metadata(machine: RunningMachine) -> dict[str, Any]:
    address = {"privateIpAddress": machine.address, "publicIpAddress": ""}
    return {
        "compute": {
            "azEnvironment": "AzurePublicCloud",
            "location": machine.region,
            "name": _instance_name(machine),
            "osProfile": {"computerName": machine.hostname},
            "resourceGroupName": "kubewright",
            "resourceId": machine.id,
            "subscriptionId": _subscription(machine),
            "vmId": machine_id(machine),
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


def _subscription(machine: RunningMachine) -> str:
    return machine.id.split("/")[2]


def _instance_name(machine: RunningMachine) -> str:
    """Return the name that Azure assigns to a machine: in a scale set, the name of the set and a number."""
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
