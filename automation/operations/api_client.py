"""Client of the Kubernetes API for many requests, with the certificate of the administrator.

One `kubectl` for each request would take a tenth of a second of processor time.
"""

from __future__ import annotations

import base64
import json
import ssl
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential
from urllib3 import HTTPSConnectionPool
from urllib3.exceptions import HTTPError

_TIMEOUT_SECONDS = 30
_CONNECTIONS = 8
"""Connections that stay open. More threads than connections still work."""
_ATTEMPTS = 6
_FIRST_PAUSE_SECONDS = 0.25
_CONFLICT = 409
_TEMPORARY = (_CONFLICT, 429, 500, 502, 503, 504)
"""Status codes of requests that can succeed later: conflicts, overload, and a server that is restarting."""


class ApiError(Exception):
    """A request that the API rejected, or that it did not answer. `status` is the HTTP status, or 0."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status

    @property
    def is_temporary(self) -> bool:
        """Check whether the same request can succeed later."""
        return self.status in (0, *_TEMPORARY)

    @property
    def is_conflict(self) -> bool:
        """Check whether another client changed the object after it was read."""
        return self.status == _CONFLICT


class ApiClient:
    """Client of the Kubernetes API. Threads can use one client at the same time."""

    def __init__(self, kubeconfig: Mapping[str, Any]) -> None:
        cluster, user = kubeconfig["clusters"][0]["cluster"], kubeconfig["users"][0]["user"]
        server = urlsplit(cluster["server"])
        context = ssl.create_default_context(cadata=_decode(cluster["certificate-authority-data"]))
        with tempfile.TemporaryDirectory() as name:
            # The ssl module reads certificates only from files. The directory is readable by the user alone.
            file = Path(name) / "client.pem"
            file.touch(mode=0o600)
            file.write_text(
                _decode(user["client-certificate-data"]) + "\n" + _decode(user["client-key-data"])
            )
            context.load_cert_chain(file)
        self._pool = HTTPSConnectionPool(
            server.hostname or "",
            server.port or 443,
            timeout=_TIMEOUT_SECONDS,
            retries=False,
            maxsize=_CONNECTIONS,
            ssl_context=context,
        )

    def get(self, path: str, accept: str = "application/json") -> Any:  # noqa: ANN401 - JSON
        """Return the JSON at a path. Raise ApiError."""
        return self._request("GET", path, {"Accept": accept})

    def patch(self, path: str, body: Mapping[str, Any], accept: str = "application/json") -> Any:  # noqa: ANN401
        """Send a JSON merge patch (RFC 7396) and return the JSON of the answer. Raise ApiError.

        A patch with a resource version fails at once with a conflict if the object has another version. The
        caller must then read the object again.
        """
        headers = {"Accept": accept, "Content-Type": "application/merge-patch+json"}
        has_version = "resourceVersion" in body.get("metadata", {})
        return self._request("PATCH", path, headers, json.dumps(body), repeat_conflict=not has_version)

    def _request(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: str | None = None,
        *,
        repeat_conflict: bool = True,
    ) -> Any:  # noqa: ANN401
        """Send a request. Repeat it with growing pauses while it fails for a temporary reason."""

        def can_succeed(error: BaseException) -> bool:
            return (
                isinstance(error, ApiError)
                and error.is_temporary
                and (repeat_conflict or not error.is_conflict)
            )

        attempts = Retrying(
            retry=retry_if_exception(can_succeed),
            stop=stop_after_attempt(_ATTEMPTS),
            wait=wait_exponential(multiplier=_FIRST_PAUSE_SECONDS),
            reraise=True,
        )
        return attempts(self._send, method, path, headers, body)

    def _send(self, method: str, path: str, headers: Mapping[str, str], body: str | None) -> Any:  # noqa: ANN401
        try:
            response = self._pool.request(method, path, body=body, headers=dict(headers))
        except HTTPError as error:
            raise ApiError(
                f"the API at {self._pool.host}:{self._pool.port} does not answer: {error}"
            ) from None
        document = _parse_json(response.data)
        if response.status >= 300:
            message = document.get("message", "") if isinstance(document, dict) else ""
            raise ApiError(message or f"{method} {path}: HTTP status {response.status}", response.status)
        return document


def _parse_json(content: bytes) -> Any:  # noqa: ANN401 - JSON
    try:
        return json.loads(content)
    except ValueError:
        return None


def _decode(text: str) -> str:
    return base64.b64decode(text).decode()
