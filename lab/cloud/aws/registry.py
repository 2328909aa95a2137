"""The emulated image registry of AWS, which serves the images of the lab's registry to machines with a token.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html
"""

from __future__ import annotations

import base64
import binascii
import http.client
import re
import secrets
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from lab import spec
from lab.cloud.aws.calls import Call
from lab.cloud.aws.metadata import ACCOUNT
from lab.cloud.aws.signature import RequestRefused
from lab.cloud.running import RunningMachine
from lab.paths import LabPaths
from lab.spec import REGISTRY_PORT

TOKEN_SECONDS = 12 * 3600
"""Lifetime of a token in seconds."""

_HOST = re.compile(r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com")
_PATH = re.compile(r"/v2/(?P<repository>.+)/(?P<kind>manifests|blobs)/[^/]+")
_ACTIONS = {
    ("manifests", "GET"): "ecr:BatchGetImage",
    ("manifests", "HEAD"): "ecr:BatchGetImage",
    ("blobs", "GET"): "ecr:GetDownloadUrlForLayer",
    ("blobs", "HEAD"): "ecr:BatchCheckLayerAvailability",
}
"""The action that each request needs, by the kind of its object and its method."""
_HEADERS = ("Accept", "Range")
_RETURNED_HEADERS = ("Content-Type", "Content-Length", "Content-Range", "Docker-Content-Digest")


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer of a registry: the status, the headers, and the body."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""


Fetch = Callable[[str, str, Mapping[str, str]], Answer]
"""Sends a request to the registry with the images: method, path, headers."""
Check = Callable[[RunningMachine, Call, str], None]
"""Raises RequestRefused unless the role of a machine allows a call from an address."""


class ImageRegistry:
    """The API and the registry of ECR. A token belongs to the machine that requested it."""

    def __init__(self, fetch: Fetch, check: Check) -> None:
        self._fetch = fetch
        self._check = check
        self._tokens: dict[str, tuple[RunningMachine, float]] = {}

    def respond(self, action: str, machine: RunningMachine | None) -> dict[str, Any]:
        """Return the response to an action of the API. Raise RequestRefused for other actions than tokens."""
        if action != "GetAuthorizationToken" or machine is None:
            raise RequestRefused("InvalidAction", f"{action} is not emulated for this caller", 400)
        token, expires = secrets.token_urlsafe(600), time.time() + TOKEN_SECONDS
        self._tokens[token] = (machine, expires)
        data = {
            "authorizationToken": base64.b64encode(f"AWS:{token}".encode()).decode(),
            "expiresAt": int(expires),
            "proxyEndpoint": f"https://{ACCOUNT}.dkr.ecr.{machine.region}.amazonaws.com",
        }
        return {"authorizationData": [data]}

    def serve(
        self, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], address: str
    ) -> Answer:
        """Return the answer to a request of the registry API.

        `query` has the name of the registry in `ns`, as containerd sends it to mirrors. `headers` are keyed
        by lower-case name. Raise RequestRefused if the role of the machine does not allow the request.
        """
        machine = self._machine_of(headers.get("authorization", ""))
        if machine is None:
            return Answer(HTTPStatus.UNAUTHORIZED, {"WWW-Authenticate": 'Basic realm="lab",service="ecr"'})
        if path.rstrip("/") == "/v2":
            return Answer(HTTPStatus.OK, {})
        match, registry = _PATH.fullmatch(path), _HOST.fullmatch(query.get("ns", ""))
        action = _ACTIONS.get((match["kind"], method)) if match else None
        if match is None or registry is None or action is None:
            raise RequestRefused("UNSUPPORTED", f"{method} {path} of {query.get('ns')} is not emulated", 405)
        arn = f"arn:aws:ecr:{registry['region']}:{registry['account']}:repository/{match['repository']}"
        self._check(machine, Call(action, (arn,), {}), address)
        passed = {name: headers[name.lower()] for name in _HEADERS if name.lower() in headers}
        answer = self._fetch(method, path, passed)
        returned = {name: value for name, value in answer.headers.items() if name in _RETURNED_HEADERS}
        return Answer(answer.status, returned, answer.body)

    def _machine_of(self, authorization: str) -> RunningMachine | None:
        """Return the machine with the token in an Authorization header; None without a valid token."""
        try:
            text = base64.b64decode(authorization.removeprefix("Basic "), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return None
        user, _, token = text.partition(":")
        machine, expires = self._tokens.get(token, (None, 0.0))
        return machine if user == "AWS" and time.time() < expires else None


def lab_registry(lab: str) -> Fetch:
    """Return a function that sends requests to the registry of a lab, and raises OSError without one."""

    def fetch(method: str, path: str, headers: Mapping[str, str]) -> Answer:
        paths = LabPaths.of(lab)
        context = ssl.create_default_context(cafile=str(paths.ca))
        gateway = str(spec.read(paths.spec).gateway)
        connection = http.client.HTTPSConnection(gateway, REGISTRY_PORT, timeout=60, context=context)
        try:
            connection.request(method, path, headers=dict(headers))
            response = connection.getresponse()
            return Answer(response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()

    return fetch
