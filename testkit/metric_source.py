"""A server with the part of the API of Prometheus that KEDA asks, with one value that a test sets."""

from __future__ import annotations

import contextlib
import http.server
import json
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

QUERY = "sum(jobs_waiting)"
"""The only query that the server knows."""
JOBS_PER_POD = 2


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        """Answer the query; fail other requests."""
        url = urlsplit(self.path)
        known = url.path == "/api/v1/query" and parse_qs(url.query).get("query") == [QUERY]
        result = [{"metric": {}, "value": [1, str(self.server.value)]}]
        answer = {"status": "success", "data": {"resultType": "vector", "result": result}}
        self.send_response(200 if known else 404)
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    def log_message(self, *_: object) -> None:
        """Log nothing."""


class _Server(http.server.ThreadingHTTPServer):
    value = 0


@dataclass(frozen=True)
class MetricSource:
    """A running server. `url` is its address."""

    url: str
    server: _Server

    def set(self, value: int) -> None:
        """Set the number of waiting jobs."""
        self.server.value = value


@contextlib.contextmanager
def serve_metric(address: str, port: int = 0, *, certificate: Path | None = None) -> Iterator[MetricSource]:
    """Serve the metric at an address and a port, by default a free one.

    `certificate` is a PEM file with the certificate and the key of the server; without it, the server speaks
    HTTP.
    """
    server = _Server((address, port), _Handler)
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        scheme = "https" if certificate else "http"
        yield MetricSource(f"{scheme}://{address}:{server.server_port}", server)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def scaled_object(namespace: str, name: str, target: str, url: str) -> dict[str, Any]:
    """Return a ScaledObject: a pod for two waiting jobs, none without jobs, at most ten pods."""
    metadata = {"serverAddress": url, "query": QUERY, "threshold": str(JOBS_PER_POD)}
    at_once = {"scaleDown": {"stabilizationWindowSeconds": 0}}
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "scaleTargetRef": {"name": target},
            "minReplicaCount": 0,
            "maxReplicaCount": 10,
            "pollingInterval": 2,
            "cooldownPeriod": 5,
            "advanced": {"horizontalPodAutoscalerConfig": {"behavior": at_once}},
            "triggers": [{"type": "prometheus", "metadata": metadata}],
        },
    }
