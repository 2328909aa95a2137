"""The emulated blob service, which accepts tokens of identities with a role assignment.

https://learn.microsoft.com/rest/api/storageservices/blob-service-rest-api
"""

from __future__ import annotations

import hashlib
import threading
import time
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus
from xml.etree.ElementTree import Element, SubElement, tostring

from lab.cloud.azure.management import ManagementHandler
from lab.cloud.azure.role_assignments import Right, is_granted

AUDIENCE = "https://storage.azure.com"

MIN_VERSION = "2017-11-09"
"""First version of the blob service that accepts tokens."""


@dataclass(frozen=True, slots=True)
class Blob:
    """A blob. `written` is the time in seconds since the epoch."""

    data: bytes
    written: float


class Store(ManagementHandler):
    """HTTP handler for the blobs of one account, by container."""

    blobs: dict[str, Blob]
    lock = threading.Lock()

    def do_GET(self) -> None:
        """Send a blob, or for the deployer a resource of the management API."""
        if self.handle_management():
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
        data = blob.data
        headers = {"ETag": f'"0x{hashlib.sha256(data).hexdigest()[:16]}"'} | _date_headers(blob.written)
        if data and (self.headers.get("x-ms-range") or self.headers.get("Range")):
            # Clients always request whole blobs, because blobs here are small.
            headers["Content-Range"] = f"bytes 0-{len(data) - 1}/{len(data)}"
            self.send(data, "application/octet-stream", HTTPStatus.PARTIAL_CONTENT, headers)
            return
        self.send(data, "application/octet-stream", headers=headers)

    do_HEAD = do_GET

    def do_PUT(self) -> None:
        """Store a blob, or for the deployer a resource of the management API."""
        if self.handle_management():
            return
        if not self._check_permission(Right.WRITE_BLOBS):
            return
        if self.headers.get("x-ms-blob-type") != "BlockBlob":
            self.refuse(HTTPStatus.BAD_REQUEST, "MissingRequiredHeader", "x-ms-blob-type is not BlockBlob")
            return
        if "Content-Length" not in self.headers:
            self.refuse(HTTPStatus.LENGTH_REQUIRED, "MissingContentLengthHeader", "no Content-Length")
            return
        with self.lock:
            blob = self.blobs[self.request_path] = Blob(self.read_body(), time.time())
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
            SubElement(properties, "BlobType").text = "BlockBlob"
        SubElement(result, "NextMarker")
        self.send(tostring(result, xml_declaration=True, encoding="utf-8"), "application/xml")

    def _check_permission(self, right: Right) -> bool:
        """Return whether the request's token has a permission; otherwise send an error response."""
        token = self.tokens.find(self.headers.get("Authorization", ""))
        if self.headers.get("x-ms-version", "") < MIN_VERSION:
            self.refuse(
                HTTPStatus.BAD_REQUEST, "InvalidHeaderValue", f"x-ms-version must be {MIN_VERSION} or later"
            )
            return False
        if token is None or token.audience not in ("", AUDIENCE):
            self.refuse(HTTPStatus.UNAUTHORIZED, "InvalidAuthenticationInfo", f"no token for {AUDIENCE}")
            return False
        if token.machine is None:
            return True
        if (
            self.states.by_address(self.client_address[0]) is None
            or self.client_address[0] != token.machine.address
        ):
            self.refuse(HTTPStatus.FORBIDDEN, "AuthorizationFailure", "this token is another machine's")
            return False
        if is_granted(self.lab, token.identity, right, self.request_path.split("/")[1]):
            return True
        self.refuse(HTTPStatus.FORBIDDEN, "AuthorizationPermissionMismatch", f"no right to {right} here")
        return False


def _date_headers(written: float) -> dict[str, str]:
    return {"x-ms-version": "2021-12-02", "Last-Modified": formatdate(written, usegmt=True)}
