"""The emulated blob service of a storage account whose containers accept SAS tokens.

Large blobs are written in blocks.

https://learn.microsoft.com/rest/api/storageservices/create-service-sas
https://learn.microsoft.com/rest/api/storageservices/put-block-list
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from datetime import UTC, datetime
from http import HTTPStatus
from urllib.parse import urlencode
from xml.etree.ElementTree import fromstring

from lab.cloud.azure.responses import Server
from lab.cloud.azure.role_assignments import Right
from lab.cloud.azure.store import Blob, Store
from lab.cloud.azure.tokens import AccessTokens
from lab.cloud.running import MachineStates

_VERSION = "2022-11-02"
_PERMISSIONS = {Right.READ_BLOBS: "r", Right.WRITE_BLOBS: "w", Right.ADD_BLOBS: "c"}
_EMPTY_FIELDS = 7
"""Fields of the string to sign that these tokens do not have, after the resource."""


def sas_token(account: str, key: bytes, container: str, permissions: str, expiry: datetime) -> str:
    """Return a SAS token of a container, signed with the key of the account."""
    fields = {
        "sv": _VERSION,
        "sr": "c",
        "sp": permissions,
        "se": expiry.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    return urlencode({**fields, "sig": _signature(account, key, container, fields)})


def _signature(account: str, key: bytes, container: str, fields: dict[str, str]) -> str:
    text = "\n".join(
        (
            *(fields["sp"], "", fields["se"], f"/blob/{account}/{container}", "", "", ""),
            *(fields["sv"], fields["sr"]),
            *[""] * _EMPTY_FIELDS,
        )
    )
    return base64.b64encode(hmac.digest(key, text.encode(), hashlib.sha256)).decode()


class ContainerStore(Store):
    """HTTP handler for the blobs of one account, with the paths `account/container/blob`."""

    account: str
    account_key: bytes
    blocks: dict[str, dict[str, bytes]]

    def do_GET(self) -> None:
        """Send a blob, or the list of the blobs of a container."""
        is_list = self.query_parameter("comp") == "list"
        if not (self._is_permitted("l") if is_list else self._check_permission(Right.READ_BLOBS)):
            return
        blob = self.blobs.get(self.request_path)
        if is_list:
            self._list_blobs()
        elif blob is None:
            self.refuse(HTTPStatus.NOT_FOUND, "BlobNotFound", "The specified blob does not exist.")
        else:
            self._send_blob(blob)

    do_HEAD = do_GET

    def do_PUT(self) -> None:
        """Store a blob, a block of a blob, or the blob that consists of a list of blocks."""
        operation = self.query_parameter("comp")
        if operation not in ("block", "blocklist"):
            super().do_PUT()
            return
        if not self._check_permission(Right.WRITE_BLOBS):
            return
        body, blocks = self.read_body(), self.blocks.setdefault(self.request_path, {})
        if operation == "block":
            blocks[self.query_parameter("blockid")] = body
        else:
            data = b"".join(blocks[item.text or ""] for item in fromstring(body))
            self.blobs[self.request_path] = Blob(data, time.time())
            del self.blocks[self.request_path]
        self.send(b"", "text/plain", HTTPStatus.CREATED)

    def do_DELETE(self) -> None:
        """Delete a blob."""
        if not self._is_permitted("d"):
            return
        if self.blobs.pop(self.request_path, None) is None:
            self.refuse(HTTPStatus.NOT_FOUND, "BlobNotFound", "The specified blob does not exist.")
            return
        self.send(b"", "text/plain", HTTPStatus.ACCEPTED)

    def _check_permission(self, *accepted: Right) -> bool:
        """Return whether the SAS token of the request has one of the permissions."""
        return self._is_permitted("".join(_PERMISSIONS[right] for right in accepted))

    def _is_permitted(self, permissions: str) -> bool:
        """Return whether the SAS token has one of these permissions; otherwise send an error response."""
        fields = {name: self.query_parameter(name) for name in ("sv", "sr", "sp", "se")}
        _, account, container, *_ = [*self.request_path.split("/"), "", ""]
        expected = _signature(account, self.account_key, container, fields)
        valid = fields["se"] > datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        if (
            not valid
            or account != self.account
            or not hmac.compare_digest(self.query_parameter("sig"), expected)
        ):
            self.refuse(HTTPStatus.FORBIDDEN, "AuthenticationFailed", "the signature is invalid or too old")
            return False
        if not set(permissions) & set(fields["sp"]):
            self.refuse(HTTPStatus.FORBIDDEN, "AuthorizationPermissionMismatch", f"no right to {permissions}")
            return False
        return True


def container_server(lab: str, address: tuple[str, int], account: str, key: bytes) -> Server:
    """Return a server of the blobs of an account, which has no blobs yet.

    Raise OSError if the address is in use.
    """
    attributes: dict[str, object] = {
        "lab": lab,
        "blobs": {},
        "blocks": {},
        "account": account,
        "account_key": key,
        "states": MachineStates.of(lab),
        "tokens": AccessTokens(""),
    }
    return Server(address, type("ContainerHandler", (ContainerStore,), attributes))
