"""What both of Azure's servers here have: one answer to one request, kept short."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit


class Server(ThreadingHTTPServer):
    """One thread for each connection; those that break say so in a line."""

    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """Say in one line why a connection ended."""
        print(f"{client_address}: {sys.exc_info()[1]}", file=sys.stderr, flush=True)


class Handler(BaseHTTPRequestHandler):
    """A request with its path and query, and answers."""

    protocol_version = "HTTP/1.1"
    timeout = 60

    @property
    def where(self) -> str:
        """The path, without escapes."""
        return unquote(urlsplit(self.path).path)

    def query(self, name: str) -> str:
        """A parameter of the query; empty without."""
        return parse_qs(urlsplit(self.path).query).get(name, [""])[0]

    def body(self) -> bytes:
        """What came with the request."""
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def give(
        self,
        data: bytes,
        kind: str,
        status: HTTPStatus = HTTPStatus.OK,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Answer with data."""
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def give_json(self, value: object) -> None:
        """Answer with JSON."""
        self.give(json.dumps(value).encode(), "application/json; charset=utf-8")

    def refuse(self, status: HTTPStatus, code: str, message: str) -> None:
        """Answer with an error, and note it."""
        print(
            f"{self.client_address[0]}: {self.command} {self.where}: {code}: {message}",
            file=sys.stderr,
            flush=True,
        )
        self.body()
        data = json.dumps({"error": {"code": code, "message": message}}).encode()
        self.give(data, "application/json", status)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: what is refused is noted, the rest has no reader."""
