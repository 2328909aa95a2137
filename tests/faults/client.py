"""A test client that writes and reads through the API continuously and records the results.

Run the client as a separate process: `python -m tests.faults.client KUBECONFIG RESULT TIMEOUT`, with the time
limit of a request in seconds. The client writes increasing numbers, five per second, each as a key of a
ConfigMap. A number counts as written when the API has acknowledged the write; other numbers are retried. The
client reads at the same rate, and a read must contain the last number that was acknowledged before the read.
On SIGTERM the client writes its record to RESULT and ends. The record also has the names in the certificates
of the servers that answer.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import signal
import ssl
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import yaml

NAMESPACE = "load"
PERIOD = 0.2
"""Seconds from the start of a request to the start of the next request."""
TIMEOUT = 2.0
"""Default time limit of a request in seconds; afterwards the client opens a new connection."""
KEYS = 200
"""The number of keys in one ConfigMap."""
_CONFIGMAPS = f"/api/v1/namespaces/{NAMESPACE}/configmaps"
_RECONNECT = (http.client.UNAUTHORIZED, http.client.TOO_MANY_REQUESTS)
_FAILURES = (OSError, http.client.HTTPException, ssl.SSLError, ValueError)


class RequestRefused(ValueError):
    """The error for a request that the API server rejected. `status` is the HTTP status."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"{status} {reason}")
        self.status = status


class ApiCaller(Protocol):
    """The interface that the client needs from a connection."""

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]: ...


class Api:
    """A connection to the API. After a failure, the next call opens a new connection with the current
    kubeconfig.
    """

    def __init__(self, kubeconfig: Path, timeout: float = TIMEOUT) -> None:
        self._kubeconfig = kubeconfig
        self._timeout = timeout
        self.server: tuple[str, ...] = ()
        """The names and addresses in the certificate of the server of the last response."""
        self._connection: http.client.HTTPSConnection | None = None

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Send a request and return the decoded response. Raise one of `_FAILURES`."""
        try:
            return self._call(method, path, body)
        except RequestRefused as refusal:
            # The server rejected the request. A new connection helps when the server shuts down ("too many
            # requests") or no longer accepts these credentials.
            if refusal.status in _RECONNECT or refusal.status >= http.client.INTERNAL_SERVER_ERROR:
                self.close()
            raise
        except _FAILURES:
            self.close()
            raise

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _call(self, method: str, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        if self._connection is None:
            server, context = credentials(self._kubeconfig)
            self._connection = http.client.HTTPSConnection(server, timeout=self._timeout, context=context)
            self._connection.connect()
            self.server = _certificate_names(self._connection.sock)
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        text = None if body is None else json.dumps(body)
        self._connection.request(method, path, body=text, headers={"Content-Type": kind})
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.status >= http.client.BAD_REQUEST:
            raise RequestRefused(answer.status, answer.reason)
        result: dict[str, Any] = json.loads(content)
        return result


def credentials(kubeconfig: Path) -> tuple[str, ssl.SSLContext]:
    """Return the host and port of the API, and the credentials of the only user in the kubeconfig."""
    document = yaml.safe_load(kubeconfig.read_text())
    cluster, user = document["clusters"][0]["cluster"], document["users"][0]["user"]
    context = ssl.create_default_context(cadata=_data(cluster, "certificate-authority").decode())
    with tempfile.NamedTemporaryFile() as file:
        file.write(_data(user, "client-certificate") + _data(user, "client-key"))
        file.flush()
        context.load_cert_chain(file.name)
    return urlsplit(cluster["server"]).netloc, context


def _certificate_names(connection: ssl.SSLSocket) -> tuple[str, ...]:
    """Return the names and addresses in the certificate of the server."""
    certificate: Any = connection.getpeercert() or {}
    return tuple(str(name) for _, name in certificate.get("subjectAltName", ()))


def _data(part: dict[str, str], name: str) -> bytes:
    if f"{name}-data" in part:
        return base64.b64decode(part[f"{name}-data"])
    return Path(part[name]).read_bytes()


class RequestRecord:
    """The recorded requests of the client. Times are wall-clock times in seconds."""

    def __init__(self) -> None:
        self.began = time.time()
        self.written: list[float] = []
        """The time at which each number was acknowledged."""
        self.read: list[float] = []
        """The time of each successful read."""
        self.stale: list[str] = []
        """A text for each read that did not contain the last acknowledged number."""
        self.failed: list[tuple[float, str, str]] = []
        """The time, the kind (read or write) and the error of each failed request."""
        self.servers: dict[str, Sequence[str]] = {}
        """By the kind of request: the names in the certificate of the current server."""
        self._lock = threading.Lock()

    def failure(self, what: str, error: BaseException) -> None:
        """Record a failed request. `what` is `read` or `write`."""
        with self._lock:
            self.failed.append((time.time(), what, f"{type(error).__name__}: {error}"))

    def save(self, path: Path) -> None:
        """Write the record to a JSON file atomically."""
        document = {
            "began": self.began,
            "ended": time.time(),
            "written": self.written,
            "read": self.read,
            "stale": self.stale,
            "failed": self.failed,
            "servers": self.servers,
        }
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps(document))
        fresh.replace(path)


def write(api: ApiCaller, number: int) -> None:
    """Write a number as a key of its ConfigMap. Repeating the write of a number changes nothing."""
    name = f"load-{number // KEYS}"
    patch = {"data": {str(number): "written"}}
    try:
        api.call("PATCH", f"{_CONFIGMAPS}/{name}", patch)
    except RequestRefused as refusal:
        if refusal.status != http.client.NOT_FOUND:
            raise
        whole = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, **patch}
        api.call("POST", _CONFIGMAPS, whole)


def write_until_stopped(record: RequestRecord, api: ApiCaller, stopped: threading.Event) -> None:
    """Write increasing numbers until `stopped` is set. Retry a number until its write is acknowledged."""
    while not stopped.is_set():
        began = time.monotonic()
        try:
            write(api, len(record.written))
            record.written.append(time.time())
        except _FAILURES as error:
            record.failure("write", error)
        stopped.wait(max(0.0, PERIOD - (time.monotonic() - began)))


def read_until_stopped(record: RequestRecord, api: ApiCaller, stopped: threading.Event) -> None:
    """Read the last acknowledged number repeatedly until `stopped` is set."""
    while not stopped.is_set():
        began = time.monotonic()
        last = len(record.written) - 1
        try:
            if last >= 0:
                answer = api.call("GET", f"{_CONFIGMAPS}/load-{last // KEYS}")
                if str(last) not in answer.get("data", {}):
                    record.stale.append(f"{time.time():.3f}: {last} was acknowledged and not read")
                record.read.append(time.time())
        except _FAILURES as error:
            record.failure("read", error)
        stopped.wait(max(0.0, PERIOD - (time.monotonic() - began)))


def main(kubeconfig: Path, result: Path, timeout: float) -> None:
    """Write and read until SIGTERM; save the record every second."""
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    record = RequestRecord()
    writer, reader = Api(kubeconfig, timeout), Api(kubeconfig, timeout)
    threads = [
        threading.Thread(target=work, args=(record, api, stopped), daemon=True)
        for work, api in ((write_until_stopped, writer), (read_until_stopped, reader))
    ]
    for thread in threads:
        thread.start()
    while not stopped.wait(1):
        record.servers = {"write": writer.server, "read": reader.server}
        record.save(result)
        if os.getppid() == 1:
            break  # the parent process has ended
    for thread in threads:
        thread.join(2 * timeout)
    record.save(result)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3]))
