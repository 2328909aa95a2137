"""The emulated blob service, which accepts tokens of identities with a role assignment.

https://learn.microsoft.com/rest/api/storageservices/blob-service-rest-api
"""

from __future__ import annotations

import hashlib
import threading
from email.utils import formatdate
from http import HTTPStatus

from lab.cloud.azure import management
from lab.cloud.azure.responses import Handler
from lab.cloud.azure.role_assignments import Right, granted
from lab.cloud.azure.tokens import Tokens
from lab.cloud.running import MachineStates

AUDIENCE = "https://storage.azure.com"

OLDEST = "2017-11-09"
"""First version of the blob service that accepts tokens."""


class Store(Handler):
    """HTTP handler for the blobs of one account, by container."""

    lab: str
    states: MachineStates
    tokens: Tokens
    blobs: dict[str, bytes]
    lock = threading.Lock()

    def do_GET(self) -> None:
        """Send a blob, or for the deployer a resource of the management API."""
        if self.where.startswith(management.PREFIX):
            self._answer_management_request()
            return
        if not self._check_permission(Right.READ_BLOBS):
            return
        data = self.blobs.get(self.where)
        if data is None:
            self.refuse(HTTPStatus.NOT_FOUND, "BlobNotFound", "The specified blob does not exist.")
            return
        headers = {"ETag": f'"0x{hashlib.sha256(data).hexdigest()[:16]}"'} | _date_headers()
        if data and (self.headers.get("x-ms-range") or self.headers.get("Range")):
            # Clients always request whole blobs, because blobs here are small.
            headers["Content-Range"] = f"bytes 0-{len(data) - 1}/{len(data)}"
            self.give(data, "application/octet-stream", HTTPStatus.PARTIAL_CONTENT, headers)
            return
        self.give(data, "application/octet-stream", headers=headers)

    do_HEAD = do_GET

    def do_PUT(self) -> None:
        """Store a blob."""
        if not self._check_permission(Right.WRITE_BLOBS):
            return
        if self.headers.get("x-ms-blob-type") != "BlockBlob":
            self.refuse(HTTPStatus.BAD_REQUEST, "MissingRequiredHeader", "x-ms-blob-type is not BlockBlob")
            return
        if "Content-Length" not in self.headers:
            self.refuse(HTTPStatus.LENGTH_REQUIRED, "MissingContentLengthHeader", "no Content-Length")
            return
        with self.lock:
            self.blobs[self.where] = self.body()
        self.give(b"", "text/plain", HTTPStatus.CREATED, _date_headers())

    def do_DELETE(self) -> None:
        """Delete a blob."""
        if not self._check_permission(Right.WRITE_BLOBS):
            return
        if self.blobs.pop(self.where, None) is None:
            self.refuse(HTTPStatus.NOT_FOUND, "BlobNotFound", "The specified blob does not exist.")
            return
        self.give(b"", "text/plain", HTTPStatus.ACCEPTED, _date_headers())

    def _answer_management_request(self) -> None:
        token = self.tokens.find(self.headers.get("Authorization", ""))
        found = management.answer(self.states, self.where)
        if token is None or token.machine is not None:
            self.refuse(HTTPStatus.FORBIDDEN, "AuthorizationFailed", "no right to manage")
        elif found is None:
            self.refuse(HTTPStatus.NOT_FOUND, "ResourceNotFound", "there is no such resource")
        else:
            self.give_json(found)

    def _check_permission(self, right: Right) -> bool:
        """Check whether the request is allowed, and refuse the request if it is not."""
        token = self.tokens.find(self.headers.get("Authorization", ""))
        if self.headers.get("x-ms-version", "") < OLDEST:
            self.refuse(
                HTTPStatus.BAD_REQUEST, "InvalidHeaderValue", f"x-ms-version must be {OLDEST} or later"
            )
            return False
        if token is None or token.audience not in ("", AUDIENCE):
            self.refuse(HTTPStatus.UNAUTHORIZED, "InvalidAuthenticationInfo", f"no token for {AUDIENCE}")
            return False
        if token.machine is None:
            return True
        if self.states.at(self.client_address[0]) is None or self.client_address[0] != token.machine.address:
            self.refuse(HTTPStatus.FORBIDDEN, "AuthorizationFailure", "this token is another machine's")
            return False
        if granted(self.lab, token.machine.identity, right, self.where.split("/")[1]):
            return True
        self.refuse(HTTPStatus.FORBIDDEN, "AuthorizationPermissionMismatch", f"no right to {right} here")
        return False


def _date_headers() -> dict[str, str]:
    return {"x-ms-version": "2021-12-02", "Last-Modified": formatdate(usegmt=True)}
