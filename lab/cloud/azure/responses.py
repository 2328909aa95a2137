"""HTTP server and request handler that the emulated metadata service and store of Azure share."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

_STOP_INTERVAL_SECONDS = 0.05


class Server(ThreadingHTTPServer):
    """HTTP server with one thread for each connection. A failed connection is one line in the log."""

    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """Report in one line why a connection ended."""
        print(f"{client_address}: {sys.exc_info()[1]}", file=sys.stderr, flush=True)


@contextmanager
def in_background(server: Server) -> Iterator[Server]:
    """Serve requests in a thread during the block. Its end waits at most for one interval."""
    threading.Thread(target=server.serve_forever, args=(_STOP_INTERVAL_SECONDS,), daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


class Handler(BaseHTTPRequestHandler):
    """HTTP handler that parses the path and query of a request and sends responses."""

    protocol_version = "HTTP/1.1"
    timeout = 60

    @property
    def request_path(self) -> str:
        """The path of the request URL, unquoted."""
        return unquote(urlsplit(self.path).path)

    def query_parameter(self, name: str) -> str:
        """Return a query parameter, or an empty text if it is missing."""
        return parse_qs(urlsplit(self.path).query).get(name, [""])[0]

    def read_body(self) -> bytes:
        """Return the request body."""
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def send(
        self,
        data: bytes,
        content_type: str,
        status: HTTPStatus = HTTPStatus.OK,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Send a response with a body."""
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(data)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def send_json(
        self, value: object, status: HTTPStatus = HTTPStatus.OK, headers: Mapping[str, str] | None = None
    ) -> None:
        """Send a response with JSON. A response with the status 204 has no content."""
        data = b"" if status is HTTPStatus.NO_CONTENT else json.dumps(value).encode()
        self.send(data, "application/json; charset=utf-8", status, headers)

    def refuse(self, status: HTTPStatus, code: str, message: str) -> None:
        """Read the body of a request, and send an error response."""
        self.read_body()
        self.fail(status, code, message)

    def fail(self, status: HTTPStatus, code: str, message: str) -> None:
        """Send an error response to a request whose body has been read, and log the error."""
        self.log_refusal(code, message)
        data = json.dumps({"error": {"code": code, "message": message}}).encode()
        self.send(data, "application/json", status)

    def log_refusal(self, code: str, message: str) -> None:
        """Log a refused request."""
        print(
            f"{self.client_address[0]}: {self.command} {self.request_path}: {code}: {message}",
            file=sys.stderr,
            flush=True,
        )

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: `refuse` logs refused requests."""
