"""The emulated blob service, which accepts tokens of identities with a role assignment, and signed URLs of
console logs.

The store of the cluster has the paths `container/blob`, every other account `account/container/blob`.

https://learn.microsoft.com/rest/api/storageservices/blob-service-rest-api
"""

from __future__ import annotations

import hashlib
import re
import threading
import time
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus
from xml.etree.ElementTree import Element, SubElement, tostring

from lab.cloud.azure import boot_diagnostics
from lab.cloud.azure.management import ManagementHandler
from lab.cloud.azure.responses import Server
from lab.cloud.azure.role_assignments import ANONYMOUS, Right, is_granted
from lab.cloud.azure.tokens import AccessTokens
from lab.cloud.running import MachineStates

AUDIENCE = "https://storage.azure.com"

MIN_VERSION = "2017-11-09"
"""First version of the blob service that accepts tokens."""

_RANGE = re.compile(r"bytes=(\d+)-(\d*)")


@dataclass(frozen=True, slots=True)
class Blob:
    """A blob. `written` is the time in seconds since the epoch."""

    data: bytes
    written: float


class Store(ManagementHandler):
    """HTTP handler for the blobs of all accounts."""

    blobs: dict[str, Blob]
    lock = threading.Lock()

    def do_GET(self) -> None:
        """Send a blob, for the deployer a resource of the management API, or data of the tenant."""
        if self.handle_management() or self.handle_entra():
            return
        if signature := self.query_parameter("sig"):
            self._send_log(signature)
            return
        if not self._check_permission(Right.READ_BLOBS):
            return
        if self.query_parameter("comp") == "list":
            self._list_blobs()
            return
        blob = self.blobs.get(self.request_path)
        if blob is None:
            self.refuse(HTTPStatus.NOT_FOUND, "BlobNotFound", "The specified blob does not exist.")
            return
        self._send_blob(blob)

    do_HEAD = do_GET

    def _send_blob(self, blob: Blob) -> None:
        """Send a blob, or the range of it that the request wants."""
        data, total = blob.data, len(blob.data)
        headers = {"ETag": f'"0x{hashlib.sha256(data).hexdigest()[:16]}"'} | _date_headers(blob.written)
        requested = _RANGE.fullmatch(self.headers.get("x-ms-range") or self.headers.get("Range") or "")
        if requested is None:
            self.send(data, "application/octet-stream", headers=headers)
            return
        start = int(requested[1])
        if start >= total:
            self.refuse(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, "InvalidRange", "there are fewer bytes")
            return
        part = data[start : int(requested[2]) + 1 if requested[2] else total]
        headers["Content-Range"] = f"bytes {start}-{start + len(part) - 1}/{total}"
        self.send(part, "application/octet-stream", HTTPStatus.PARTIAL_CONTENT, headers)

    def _send_log(self, signature: str) -> None:
        """Send the console log of a machine, if the URL of the request is signed for it."""
        if not boot_diagnostics.is_signed(self.lab, self.request_path, self.query_parameter("se"), signature):
            self.refuse(HTTPStatus.FORBIDDEN, "AuthenticationFailed", "the signature is invalid or too old")
            return
        log = boot_diagnostics.read_log(self.lab, self.states, self.request_path)
        if log is None:
            self.refuse(HTTPStatus.NOT_FOUND, "BlobNotFound", "The specified blob does not exist.")
            return
        self._send_blob(Blob(log, time.time()))

    def do_PUT(self) -> None:
        """Store a blob, or for the deployer a resource of the management API."""
        if self.handle_management():
            return
        existed = self.request_path in self.blobs
        if not self._check_permission(
            *([Right.WRITE_BLOBS] if existed else [Right.WRITE_BLOBS, Right.ADD_BLOBS])
        ):
            return
        if self.headers.get("x-ms-blob-type") != "BlockBlob":
            self.refuse(HTTPStatus.BAD_REQUEST, "MissingRequiredHeader", "x-ms-blob-type is not BlockBlob")
            return
        if "Content-Length" not in self.headers:
            self.refuse(HTTPStatus.LENGTH_REQUIRED, "MissingContentLengthHeader", "no Content-Length")
            return
        data = self.read_body()
        with self.lock:
            new_only = self.headers.get("If-None-Match") == "*" or not existed
            if new_only and self.request_path in self.blobs:
                blob = None
            else:
                blob = self.blobs[self.request_path] = Blob(data, time.time())
        if blob is None:
            self.fail(HTTPStatus.CONFLICT, "BlobAlreadyExists", "The specified blob already exists.")
            return
        self.send(b"", "text/plain", HTTPStatus.CREATED, _date_headers(blob.written))

    def do_DELETE(self) -> None:
        """Delete a blob, or for the deployer a resource of the management API."""
        if self.handle_management():
            return
        if not self._check_permission(Right.WRITE_BLOBS):
            return
        if self.blobs.pop(self.request_path, None) is None:
            self.refuse(HTTPStatus.NOT_FOUND, "BlobNotFound", "The specified blob does not exist.")
            return
        self.send(b"", "text/plain", HTTPStatus.ACCEPTED, _date_headers(time.time()))

    def _list_blobs(self) -> None:
        """Send the names of all blobs of a container, in one page."""
        start = f"{self.request_path.rstrip('/')}/"
        prefix = start + self.query_parameter("prefix")
        with self.lock:
            blobs = {path: blob for path, blob in sorted(self.blobs.items()) if path.startswith(prefix)}
        result = Element("EnumerationResults")
        items = SubElement(result, "Blobs")
        for path, blob in blobs.items():
            item = SubElement(items, "Blob")
            SubElement(item, "Name").text = path.removeprefix(start)
            properties = SubElement(item, "Properties")
            SubElement(properties, "Last-Modified").text = formatdate(blob.written, usegmt=True)
            SubElement(properties, "Content-Length").text = str(len(blob.data))
            SubElement(properties, "BlobType").text = "BlockBlob"
        SubElement(result, "NextMarker")
        self.send(tostring(result, xml_declaration=True, encoding="utf-8"), "application/xml")

    def _check_permission(self, *accepted: Right) -> bool:
        """Return whether the request's token has one of the permissions; otherwise send an error response."""
        if self._is_public(*accepted):
            return True
        token = self.tokens.find(self.headers.get("Authorization", ""))
        if self.headers.get("x-ms-version", "") < MIN_VERSION:
            self.refuse(
                HTTPStatus.BAD_REQUEST, "InvalidHeaderValue", f"x-ms-version must be {MIN_VERSION} or later"
            )
            return False
        if token is None or token.audience not in ("", AUDIENCE):
            self.refuse(HTTPStatus.UNAUTHORIZED, "InvalidAuthenticationInfo", f"no token for {AUDIENCE}")
            return False
        if token.is_deployer:
            return True
        if token.machine is not None and (
            self.states.by_address(self.client_address[0]) is None
            or self.client_address[0] != token.machine.address
        ):
            self.refuse(HTTPStatus.FORBIDDEN, "AuthorizationFailure", "this token is another machine's")
            return False
        if any(is_granted(self.lab, token.identity, right, self.request_path) for right in accepted):
            return True
        reason = f"no right to {' or '.join(accepted)} here"
        self.refuse(HTTPStatus.FORBIDDEN, "AuthorizationPermissionMismatch", reason)
        return False

    def _is_public(self, *accepted: Right) -> bool:
        """Check whether the request reads a blob of a public container without a token."""
        return (
            "Authorization" not in self.headers
            and not self.query_parameter("comp")
            and any(is_granted(self.lab, ANONYMOUS, right, self.request_path) for right in accepted)
        )


def _date_headers(written: float) -> dict[str, str]:
    return {"x-ms-version": "2021-12-02", "Last-Modified": formatdate(written, usegmt=True)}


def store_server(lab: str, address: tuple[str, int], tokens: AccessTokens) -> Server:
    """Return a server of the API and the blobs of an emulated subscription, which has no blobs yet.

    Raise OSError if the address is in use.
    """
    attributes: dict[str, object] = {
        "lab": lab,
        "blobs": {},
        "states": MachineStates.of(lab),
        "tokens": tokens,
    }
    return Server(address, type("StoreHandler", (Store,), attributes))
