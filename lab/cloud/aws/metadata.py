"""The emulated instance metadata service, version 2 only. Each machine receives its own data.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-categories.html
"""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler

from lab.cloud.aws.sessions import Sessions
from lab.cloud.running import MachineStates, RunningMachine

ACCOUNT = "123456789012"
"""The account number that moto uses."""

_LIFETIME_HEADER = "X-aws-ec2-metadata-token-ttl-seconds"
"""Header of requests for a token and, because AWS's SDK for Go reads it, of the answers."""

MAX_TTL_SECONDS = 21600
"""Maximum lifetime of a token."""


class MetadataTokens:
    """Tokens of the metadata service. A token is valid for one address, for the lifetime in its request."""

    def __init__(self) -> None:
        self._tokens: dict[str, tuple[str, float]] = {}

    def issue(self, address: str, seconds: int) -> str:
        """Return a new token that a machine at `address` can use for `seconds`."""
        token = secrets.token_urlsafe(42)
        self._tokens[token] = (address, time.monotonic() + seconds)
        return token

    def is_valid(self, address: str, token: str) -> bool:
        """Return whether a token is currently valid for an address."""
        owner, expires = self._tokens.get(token, ("", 0.0))
        return owner == address and time.monotonic() < expires


class Metadata(BaseHTTPRequestHandler):
    """HTTP handler of the metadata service. It refuses unknown addresses and requests without a token."""

    protocol_version = "HTTP/1.1"
    timeout = 30
    states: MachineStates
    sessions: Sessions
    tokens = MetadataTokens()

    def do_PUT(self) -> None:
        """Handle a request for a token."""
        machine = self._requesting_machine()
        lifetime = self.headers.get(_LIFETIME_HEADER, "")
        if machine is None or self.headers.get("X-Forwarded-For"):
            self._send_text(HTTPStatus.FORBIDDEN)
        elif self.path != "/latest/api/token":
            self._send_text(HTTPStatus.NOT_FOUND)
        elif not lifetime.isdigit() or not 1 <= int(lifetime) <= MAX_TTL_SECONDS:
            self._send_text(HTTPStatus.BAD_REQUEST)
        else:
            token = self.tokens.issue(machine.address, int(lifetime))
            self._send_text(HTTPStatus.OK, token, {_LIFETIME_HEADER: lifetime})

    def do_GET(self) -> None:
        """Handle a request for a metadata value."""
        machine = self._requesting_machine()
        if machine is None:
            self._send_text(HTTPStatus.FORBIDDEN)
        elif not self.tokens.is_valid(machine.address, self.headers.get("X-aws-ec2-metadata-token", "")):
            self._send_text(HTTPStatus.UNAUTHORIZED)
        else:
            text = metadata_value(self.path.rstrip("/"), machine, self.sessions)
            self._send_text(HTTPStatus.NOT_FOUND if text is None else HTTPStatus.OK, text or "")

    def _requesting_machine(self) -> RunningMachine | None:
        return self.states.by_address(self.client_address[0])

    def _send_text(
        self, status: HTTPStatus, text: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(data)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: logs of metadata requests have no use."""


def metadata_value(path: str, machine: RunningMachine, sessions: Sessions) -> str | None:
    """Return the metadata value of a machine at a URL path, or None if the path has no value."""
    if path == "/latest/dynamic/instance-identity/document":
        return json.dumps(_identity_document(machine), indent=2)
    item = path.removeprefix("/latest/meta-data/")
    if item == f"iam/security-credentials/{machine.identity}" and machine.identity:
        return json.dumps(_role_credentials(machine, sessions), indent=2)
    read_item = _ITEMS.get(item)
    return (read_item(machine) or None) if read_item is not None and item != path else None


def _mac_address(machine: RunningMachine) -> str:
    digest = hashlib.sha256(machine.id.encode()).hexdigest()
    return "02:" + ":".join(digest[place : place + 2] for place in range(0, 10, 2))


def _domain_name(machine: RunningMachine) -> str:
    return f"{machine.hostname}.{machine.region}.compute.internal"


def _spot_action(machine: RunningMachine) -> str:
    if not machine.spot_action:
        return ""
    end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(machine.spot_deadline))
    return json.dumps({"action": machine.spot_action, "time": end})


_ITEMS: dict[str, Callable[[RunningMachine], str]] = {
    "instance-id": lambda machine: machine.id,
    "instance-type": lambda machine: machine.type,
    "local-ipv4": lambda machine: machine.address,
    "local-hostname": _domain_name,
    "hostname": _domain_name,
    "mac": _mac_address,
    "placement/availability-zone": lambda machine: machine.zone,
    "placement/region": lambda machine: machine.region,
    "services/domain": lambda _: "amazonaws.com",
    "services/partition": lambda _: "aws",
    "iam/security-credentials": lambda machine: machine.identity,
    "autoscaling/target-lifecycle-state": lambda machine: machine.lifecycle,
    "spot/instance-action": _spot_action,
}


def _identity_document(machine: RunningMachine) -> dict[str, str]:
    return {
        "accountId": ACCOUNT,
        "architecture": "x86_64",
        "availabilityZone": machine.zone,
        "instanceId": machine.id,
        "instanceType": machine.type,
        "privateIp": machine.address,
        "region": machine.region,
        "version": "2017-09-30",
    }


def _role_credentials(machine: RunningMachine, sessions: Sessions) -> dict[str, str]:
    session = sessions.issue(machine)
    return {
        "Code": "Success",
        "LastUpdated": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "Type": "AWS-HMAC",
        "AccessKeyId": session.key,
        "SecretAccessKey": session.secret,
        "Token": session.token,
        "Expiration": session.expires.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
