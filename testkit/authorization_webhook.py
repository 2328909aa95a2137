"""An authorization webhook for tests, which API servers ask with a SubjectAccessReview."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from testkit.https_server import serve_https

TOKEN = "webhook-test-token"
Decide = Callable[[dict[str, Any]], dict[str, Any]]
"""A function from the specification of a SubjectAccessReview to its status."""


@dataclass
class Webhook:
    """A running webhook. `kubeconfig` is the text with its address and credentials.

    `users` has the name of the user of each request. A webhook that is `broken` answers 500.
    """

    kubeconfig: str = ""
    users: list[str] = field(default_factory=list)
    broken: bool = False


@contextmanager
def serve_webhook(directory: Path, name: str, decide: Decide) -> Iterator[Webhook]:
    """Serve a webhook on loopback until the block ends. Requests without its token get the status 401."""
    webhook = Webhook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            webhook.users.append(review["spec"].get("user", ""))
            permitted = self.headers["Authorization"] == f"Bearer {TOKEN}"
            content = json.dumps({**review, "status": decide(review["spec"])}).encode()
            self.send_response(500 if webhook.broken else 200 if permitted else 401)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    with serve_https(directory, name, Handler) as (url, ca_file):
        webhook.kubeconfig = _kubeconfig(url, ca_file.read_bytes())
        yield webhook


def _kubeconfig(url: str, authority: bytes) -> str:
    cluster = {"server": url, "certificate-authority-data": base64.b64encode(authority).decode()}
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "webhook", "cluster": cluster}],
            "users": [{"name": "api", "user": {"token": TOKEN}}],
            "contexts": [{"name": "webhook", "context": {"cluster": "webhook", "user": "api"}}],
            "current-context": "webhook",
        }
    )
