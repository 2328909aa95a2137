"""Blobs and secrets, for tokens of identities that have a right to them.

https://learn.microsoft.com/rest/api/storageservices/blob-service-rest-api,
https://learn.microsoft.com/rest/api/keyvault/secrets/get-secret
"""

from __future__ import annotations

import hashlib
import json
import threading
from email.utils import formatdate
from http import HTTPStatus

from lab.cloud.azure.answers import Handler
from lab.cloud.azure.grants import Right, granted
from lab.cloud.azure.tokens import Tokens
from lab.cloud.running import Fleet

BLOBS = "https://storage.azure.com"
VAULT = "https://vault.azure.net"

OLDEST = "2017-11-09"
"""Version of the blob service from which on tokens are taken."""

MAX_SECRET = 25 * 1024


class Store(Handler):
    """Both at one address: a path that begins with /secrets is the vault's."""

    lab: str
    fleet: Fleet
    tokens: Tokens
    blobs: dict[str, bytes]
    secrets: dict[str, str]
    lock = threading.Lock()

    def do_GET(self) -> None:
        """Read a blob or a secret."""
        if self._vault:
            self._read_secret()
            return
        if not self._may(BLOBS, Right.READ_BLOBS):
            return
        data = self.blobs.get(self.where)
        if data is None:
            self.refuse(HTTPStatus.NOT_FOUND, "BlobNotFound", "The specified blob does not exist.")
            return
        tag = hashlib.sha256(data).hexdigest()[:16]
        self.give(data, "application/octet-stream", ETag=f'"0x{tag}"', **_dated())

    do_HEAD = do_GET

    def do_PUT(self) -> None:
        """Write a blob, or as the deployer a secret."""
        if self._vault:
            self._write_secret()
            return
        if not self._may(BLOBS, Right.WRITE_BLOBS):
            return
        if self.headers.get("x-ms-blob-type") != "BlockBlob":
            self.refuse(HTTPStatus.BAD_REQUEST, "MissingRequiredHeader", "x-ms-blob-type is not BlockBlob")
            return
        if "Content-Length" not in self.headers:
            self.refuse(HTTPStatus.LENGTH_REQUIRED, "MissingContentLengthHeader", "no Content-Length")
            return
        with self.lock:
            self.blobs[self.where] = self.body()
        self.give(b"", "text/plain", HTTPStatus.CREATED, **_dated())

    @property
    def _vault(self) -> bool:
        return self.where.startswith("/secrets/")

    def _may(self, audience: str, right: Right) -> bool:
        """Whether the request may pass; if not it was refused."""
        token = self.tokens.find(self.headers.get("Authorization", ""))
        if audience == BLOBS and self.headers.get("x-ms-version", "") < OLDEST:
            self.refuse(
                HTTPStatus.BAD_REQUEST, "InvalidHeaderValue", f"x-ms-version must be {OLDEST} or later"
            )
            return False
        if token is None or token.audience not in ("", audience):
            self.refuse(HTTPStatus.UNAUTHORIZED, "InvalidAuthenticationInfo", f"no token for {audience}")
            return False
        if token.machine is None:
            return True
        if self.fleet.at(self.client_address[0]) is None or self.client_address[0] != token.machine.address:
            self.refuse(HTTPStatus.FORBIDDEN, "AuthorizationFailure", "this token is another machine's")
            return False
        _, scope, name = (*self.where.split("/", 2), "", "")[:3]
        if audience == VAULT:
            scope, name = name, ""
        if granted(self.lab, token.machine.identity, right, scope, name):
            return True
        self.refuse(HTTPStatus.FORBIDDEN, "AuthorizationPermissionMismatch", f"no right to {right} here")
        return False

    def _read_secret(self) -> None:
        if not self._may(VAULT, Right.READ_SECRETS):
            return
        name = self.where.split("/")[2]
        if not self.query("api-version"):
            self.refuse(HTTPStatus.BAD_REQUEST, "BadParameter", "api-version must be specified")
        elif name not in self.secrets:
            self.refuse(
                HTTPStatus.NOT_FOUND, "SecretNotFound", f"A secret with (name/id) {name} was not found"
            )
        else:
            self.give_json({"value": self.secrets[name], "id": f"{VAULT}/secrets/{name}", "attributes": {}})

    def _write_secret(self) -> None:
        # Machines have no right to write any.
        if not self._may(VAULT, Right.WRITE_BLOBS):
            return
        value = json.loads(self.body())["value"]
        if len(value.encode()) > MAX_SECRET:
            self.refuse(HTTPStatus.BAD_REQUEST, "BadParameter", "a secret holds 25 KB at most")
            return
        with self.lock:
            self.secrets[self.where.split("/")[2]] = value
        self.give_json({"id": self.where})


def _dated() -> dict[str, str]:
    return {"x-ms-version": "2021-12-02", "Last-Modified": formatdate(usegmt=True)}
