"""A receiver of logs in the protocol OTLP over HTTPS that accepts only clients of its authority."""

from __future__ import annotations

import json
import ssl
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from testkit.certificates import CertificateAndKey, issue_certificate
from testkit.control_plane import free_ports
from testkit.log_programs import write_certificate

PATH = "/otlp/v1/logs"


@dataclass(frozen=True)
class Entry:
    """An entry with its text, its time in nanoseconds, and the attributes of its resource and its own."""

    body: str
    time: int
    resource: dict[str, str]
    attributes: dict[str, str]
    severity: int


@dataclass
class OtlpReceiver:
    """A receiver that can be stopped and started again on the same port. It keeps all entries.

    `directory` gets the certificate of the server, and in `client` that of a client.
    """

    directory: Path
    entries: list[Entry] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    port: int = 0
    authority: CertificateAndKey = field(default_factory=lambda: issue_certificate("receiver-ca"))
    _server: ThreadingHTTPServer | None = None

    def __enter__(self) -> OtlpReceiver:
        (self.port,) = free_ports(1)
        server = issue_certificate("receiver", issuer=self.authority, server=True)
        write_certificate(self.directory / "server", self.authority, server)
        client = issue_certificate("shipper", issuer=self.authority)
        write_certificate(self.directory / "client", self.authority, client)
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The URL of the receiver, without the path of OTLP."""
        return f"https://localhost:{self.port}"

    def bodies(self) -> list[str]:
        """Return the texts of all entries."""
        return [entry.body for entry in self.entries]

    def start(self) -> None:
        """Accept connections."""
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["Content-Length"]))
                if receiver._server is not server:
                    # A connection from before the stop.
                    self.close_connection = True
                    return
                known = self.path == PATH
                if known:
                    receiver.headers.append(dict(self.headers))
                    receiver.entries += parse_entries(json.loads(content))
                self.send_response(200 if known else 404)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_: object) -> None:
                pass

        files = self.directory / "server"
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(files / "tls.crt", files / "tls.key")
        context.load_verify_locations(files / "ca.crt")
        context.verify_mode = ssl.CERT_REQUIRED
        server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        server.daemon_threads = True
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        self._server = server

    def stop(self) -> None:
        """Refuse connections."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
        self._server = None


def parse_entries(document: Any) -> list[Entry]:  # noqa: ANN401 - JSON
    """Return the entries of a request in the JSON encoding of OTLP."""
    return [
        Entry(
            body=_text(record.get("body", {})),
            time=int(record.get("timeUnixNano", 0)),
            resource=_attributes(of_resource["resource"]),
            attributes=_attributes(record),
            severity=record.get("severityNumber", 0),
        )
        for of_resource in document["resourceLogs"]
        for of_scope in of_resource["scopeLogs"]
        for record in of_scope["logRecords"]
    ]


def _attributes(part: Any) -> dict[str, str]:  # noqa: ANN401 - JSON
    return {item["key"]: _text(item["value"]) for item in part.get("attributes", ())}


def _text(value: Any) -> str:  # noqa: ANN401 - JSON
    return value["stringValue"] if "stringValue" in value else json.dumps(value)
