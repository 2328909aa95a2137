"""A local server in place of Azure: the blob API and the management API, for tests of programs that wait."""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from azure.core.credentials import AccessToken

from providers.azure.wait_clients import MachineGroups, StatusStore
from testkit.artifact_server import create_self_signed_certificate

SCALE_SET = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachineScaleSets/general-1"
TOKEN = "a-token"


class FakeCredential:
    """A credential that returns the same token for all scopes."""

    def get_token(self, *scopes: str, **_: object) -> AccessToken:
        return AccessToken(TOKEN, int(time.time()) + 3600)


@dataclass
class FakeAzure:
    """A local server in place of Azure: blobs by path, and JSON responses of the management API by path.

    With `denied` the server refuses to write blobs.
    """

    url: str
    ca_file: str
    blobs: dict[str, bytes] = field(default_factory=dict)
    responses: dict[str, object] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)
    authorizations: set[str] = field(default_factory=set)
    denied: bool = False

    def statuses(self) -> StatusStore:
        return StatusStore(f"{self.url}/general-status", FakeCredential(), self.ca_file)

    def objects(self) -> StatusStore:
        return StatusStore(f"{self.url}/general", FakeCredential(), self.ca_file)

    def groups(self) -> MachineGroups:
        return MachineGroups(self.url, FakeCredential(), self.ca_file)

    def report(self, key: str, digest: str) -> None:
        self.blobs[f"/general-status/{key}"] = f"{digest}\n".encode()

    def set_nodes(self, nodes: list[str], capacity: int, upgrade: Mapping[str, object] | None = None) -> None:
        machines = [{"properties": {"osProfile": {"computerName": node.upper()}}} for node in nodes]
        second = f"{self.url}{SCALE_SET}/virtualMachines-2?api-version=x"
        self.responses = {
            SCALE_SET: {"sku": {"capacity": capacity}},
            f"{SCALE_SET}/virtualMachines": {"value": machines[:1], "nextLink": second},
            f"{SCALE_SET}/virtualMachines-2": {"value": machines[1:]},
        }
        if upgrade is not None:
            self.responses[f"{SCALE_SET}/rollingUpgrades/latest"] = {"properties": upgrade}


def list_blobs(cloud: FakeAzure, container: str, prefix: str) -> str:
    """Return the response of the operation List Blobs. Each blob was written a minute after the one before
    it.
    """
    items = ""
    for minute, path in enumerate(cloud.blobs):
        key = path.removeprefix(f"{container}/")
        if path.startswith(f"{container}/{prefix}"):
            written = f"<Last-Modified>Fri, 20 Nov 2026 10:{minute:02}:00 GMT</Last-Modified>"
            properties = f"{written}<BlobType>BlockBlob</BlobType>"
            items += f"<Blob><Name>{key}</Name><Properties>{properties}</Properties></Blob>"
    return f'<?xml version="1.0"?><EnumerationResults><Blobs>{items}</Blobs></EnumerationResults>'


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    cloud: FakeAzure

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        path, query = url.path, parse_qs(url.query)
        self.cloud.requests.append(("GET", path))
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self._respond(401, b"")
        elif query.get("comp") == ["list"]:
            self._respond(200, list_blobs(self.cloud, path, query.get("prefix", [""])[0]).encode())
        elif path in self.cloud.blobs:
            data = self.cloud.blobs[path]
            self._respond(206, data, f"bytes 0-{len(data) - 1}/{len(data)}")
        elif path in self.cloud.responses:
            self._respond(200, json.dumps(self.cloud.responses[path]).encode())
        else:
            self._respond(404, b"")

    def do_PUT(self) -> None:
        path = urlsplit(self.path).path
        self.cloud.requests.append(("PUT", path))
        self.cloud.authorizations.add(self.headers.get("Authorization", ""))
        if self.cloud.denied:
            self.rfile.read(int(self.headers["Content-Length"]))
            self._respond(403, b"")
            return
        if self.headers.get("If-None-Match") == "*" and path in self.cloud.blobs:
            self.rfile.read(int(self.headers["Content-Length"]))
            self._respond(409, b"", error="BlobAlreadyExists")
            return
        self.cloud.blobs[path] = self.rfile.read(int(self.headers["Content-Length"]))
        self._respond(201, b"")

    def do_POST(self) -> None:
        path = urlsplit(self.path).path
        self.cloud.requests.append(("POST", path))
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if path in self.cloud.responses:
            self._respond(200, json.dumps(self.cloud.responses[path]).encode())
        else:
            self._respond(404, b"")

    def do_DELETE(self) -> None:
        path = urlsplit(self.path).path
        self.cloud.requests.append(("DELETE", path))
        self._respond(202 if self.cloud.blobs.pop(path, None) is not None else 404, b"")

    def _respond(self, status: int, data: bytes, range: str = "", error: str = "BlobNotFound") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        if data.startswith(b"<?xml"):
            self.send_header("Content-Type", "application/xml")
        self.send_header("ETag", '"0x1"')
        self.send_header("Last-Modified", "Fri, 20 Nov 2026 10:00:00 GMT")
        if range:
            self.send_header("Content-Range", range)
        if status in (404, 409):
            self.send_header("x-ms-error-code", error)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""


@contextmanager
def serve_azure(directory: Path) -> Iterator[FakeAzure]:
    """Serve a local Azure; its certificate is in the directory."""
    certificate_file, key_file = create_self_signed_certificate(directory)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate_file, key_file)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    fake_azure = FakeAzure(f"https://127.0.0.1:{server.server_address[1]}", str(certificate_file))
    _Handler.cloud = fake_azure
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield fake_azure
    server.shutdown()
    server.server_close()
