"""A small client of the Kubernetes API on urllib3: discovery, and the verbs that the plugin needs.

The `kubernetes` package has the same features, but takes 0.4 s to import and writes client keys to files.
"""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from lab.plugins.runtime.errors import PluginError

from .errors import ApiError, Unreachable, api_error
from .kubeconfig import Access, Credentials, tls_context
from .naming import Kind

if TYPE_CHECKING:
    import urllib3

APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
_CONNECT_SECONDS = 5.0
_READ_SECONDS = 60.0
_PROBE_SECONDS = 2.0
_ATTEMPTS = 4


@dataclass(frozen=True)
class Api:
    """The API path of a kind of object.

    `prefix` is the path of the API group and version. `plural` is the name of the kind in paths.
    """

    prefix: str
    plural: str
    namespaced: bool

    def path(self, namespace: str, name: str = "") -> str:
        """Return the path of an object, or of the collection of objects if `name` is empty."""
        place = f"/namespaces/{quote(namespace, safe='')}" if self.namespaced and namespace else ""
        return f"{self.prefix}{place}/{self.plural}" + (f"/{quote(name, safe='')}" if name else "")


@dataclass(frozen=True)
class Response:
    """A successful response of the API server: the object in the body, and the warnings."""

    body: dict[str, Any]
    warnings: tuple[str, ...] = ()


class Client:
    """A client of the API of one cluster, which several threads can use."""

    def __init__(self, access: Access) -> None:
        self.access = access
        self._credentials = Credentials(access)
        self._pool: urllib3.PoolManager | None = None
        self._apis: dict[str, dict[str, Api]] = {}
        self._lock = threading.Lock()
        self._probed: bool | None = None

    def _connection_pool(self) -> urllib3.PoolManager:
        # Imported with the first request: the preview of an unchanged stack sends none, and starts faster.
        import urllib3

        with self._lock:
            if self._pool is None:
                context: ssl.SSLContext | None = None
                if self.access.server.startswith("https://"):
                    context = tls_context(self.access, self._credentials.user())
                options: dict[str, Any] = {"ssl_context": context, "maxsize": 64, "retries": False}
                name = self.access.cluster_entry.get("tls-server-name")
                if name:
                    options |= {"server_hostname": str(name), "assert_hostname": str(name)}
                self._pool = urllib3.PoolManager(**options)
            return self._pool

    def is_reachable(self) -> bool:
        """Check whether the API server responds within two seconds. Later calls return the first result."""
        if self._probed is None:
            try:
                self._send_once("GET", "/version", None, {}, connect=_PROBE_SECONDS, read=_PROBE_SECONDS)
                self._probed = True
            except Unreachable:
                self._probed = False
        return self._probed

    def _send_once(
        self,
        method: str,
        path: str,
        body: bytes | None,
        headers: Mapping[str, str],
        *,
        connect: float,
        read: float,
    ) -> urllib3.BaseHTTPResponse:
        """Send one request without retries. `connect` and `read` are timeouts in seconds.

        Raises:
            Unreachable: the server does not respond.
        """
        import urllib3

        sent = {"Accept": "application/json", "User-Agent": "pulumi-kubernetes", **headers}
        sent |= self._credentials.headers()
        timeout = urllib3.Timeout(connect=connect, read=read)
        try:
            return self._connection_pool().request(
                method,
                f"{self.access.server}{path}",
                body=body,
                headers=sent,
                timeout=timeout,
                redirect=False,
            )
        except (urllib3.exceptions.HTTPError, OSError) as problem:
            raise Unreachable(self._describe_missing_response(problem)) from None

    def _describe_missing_response(self, problem: BaseException) -> str:
        """Return a message about a missing response: the name and address of the cluster, and the reason."""
        import urllib3

        cause: BaseException = problem
        while isinstance(cause, urllib3.exceptions.HTTPError) and (cause.__context__ or cause.__cause__):
            cause = cause.__cause__ or cause.__context__ or cause
            if isinstance(cause, OSError):
                break
        why = "no answer in time" if isinstance(problem, urllib3.exceptions.TimeoutError) else ""
        if isinstance(cause, ssl.SSLCertVerificationError):
            why = f"its certificate is not trusted ({cause.verify_message})"
        elif isinstance(cause, OSError) and cause.strerror:
            why = cause.strerror
        return (
            f"the Kubernetes cluster {self.access.cluster} at {self.access.server} cannot be reached: "
            f"{why or type(cause).__name__}"
        )

    def request(
        self,
        method: str,
        path: str,
        *,
        what: str,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        content_type: str = "application/json",
    ) -> Response:
        """Send a request. Retry while the server is busy or unreachable.

        Args:
            method: the HTTP method. A POST is not repeated if the server does not respond to it.
            path: path below the server's URL.
            what: the name of the object in messages.
            query: URL parameters.
            body: the object to send.
            content_type: the content type of the body.

        Raises:
            Unreachable: no response after several attempts.
            ApiError: the server refused the request.
        """
        url = f"{path}?{urlencode(query)}" if query else path
        data = json.dumps(body).encode() if body is not None else None
        headers = {"Content-Type": content_type} if data is not None else {}
        for attempt in range(1, _ATTEMPTS + 1):
            last = attempt == _ATTEMPTS
            try:
                response = self._send_once(
                    method, url, data, headers, connect=_CONNECT_SECONDS, read=_READ_SECONDS
                )
            except Unreachable:
                if last or method == "POST":
                    raise
                time.sleep(0.5 * attempt)
                continue
            content = _parse_body(response)
            if response.status < 300:
                self._probed = True
                return Response(content, _parse_warnings(response))
            if response.status in (429, 503, 504) and not last and not _in_terminating_namespace(content):
                time.sleep(min(float(response.headers.get("Retry-After") or 0.5 * attempt), 5.0))
                continue
            raise api_error(what, response.status, content)
        raise AssertionError("the loop ends with a response or an error")

    def api(self, kind: Kind) -> Api:
        """Return the API path of a kind.

        Raises:
            ApiError: the cluster does not have the kind (status 404).
        """
        known = self._apis.get(kind.api_version, {})
        if kind.kind not in known:
            prefix = f"/apis/{kind.api_version}" if "/" in kind.api_version else f"/api/{kind.api_version}"
            try:
                listing = self.request("GET", prefix, what=kind.api_version).body
            except ApiError as problem:
                if problem.status != 404:
                    raise
                listing = {}
            known = {
                item["kind"]: Api(prefix, item["name"], bool(item["namespaced"]))
                for item in listing.get("resources") or []
                if "/" not in item["name"]
            }
            self._apis[kind.api_version] = known
        if kind.kind not in known:
            raise ApiError(
                f"the cluster has no {kind.kind} in {kind.api_version}; is its definition (CRD) installed?",
                status=404,
                reason="NoKind",
            )
        return known[kind.kind]

    def get(self, api: Api, namespace: str, name: str, *, what: str) -> dict[str, Any] | None:
        """Return an object, or None if it does not exist."""
        try:
            return self.request("GET", api.path(namespace, name), what=what).body
        except ApiError as problem:
            if problem.status == 404:
                return None
            raise

    def list(self, path: str, query: Mapping[str, str]) -> list[dict[str, Any]]:
        """Return the objects of the collection at `path` that match `query`, at most 100."""
        answer = self.request("GET", path, what=path, query={"limit": "100", **query})
        return list(answer.body.get("items") or [])


def _parse_body(response: urllib3.BaseHTTPResponse) -> dict[str, Any]:
    try:
        parsed = json.loads(response.data or b"{}")
    except ValueError:
        if response.status < 300:
            raise PluginError(
                "the server's answer is not JSON; is the kubeconfig's server a Kubernetes API?"
            ) from None
        parsed = {"message": f"HTTP {response.status}"}
    return parsed if isinstance(parsed, dict) else {}


def _in_terminating_namespace(answer: Mapping[str, Any]) -> bool:
    """Check whether the server refused the request because the namespace is being deleted."""
    return "being terminated" in str(answer.get("message", ""))


def _parse_warnings(response: urllib3.BaseHTTPResponse) -> tuple[str, ...]:
    """Return the texts of the Warning headers (`299 - "text"`)."""
    return tuple(
        text.partition('"')[2].rpartition('"')[0] or text for text in response.headers.getlist("Warning")
    )
