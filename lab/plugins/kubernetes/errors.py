"""Errors of requests to the API server. The text of each is one readable line without the body of an
object.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lab.plugins.runtime.errors import PluginError


class Unreachable(PluginError):
    """The error for an API server that does not respond."""


class ApiError(PluginError):
    """The error for a request that the API server refused.

    Attributes:
        status: HTTP status code.
        reason: the API's machine-readable reason, such as `Conflict`.
    """

    def __init__(self, message: str, *, status: int, reason: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason


def api_error(what: str, status: int, body: Mapping[str, Any]) -> ApiError:
    """Return the error for a refused request, from the server's `Status` object.

    Args:
        what: the object, such as `Deployment kube-system/coredns`.
        status: HTTP status code.
        body: the `Status` object of the response. The error quotes no data from the body.
    """
    reason = str(body.get("reason", ""))
    details = body.get("details")
    causes = details.get("causes") or [] if isinstance(details, Mapping) else []
    if status == 409 and any(cause.get("reason") == "FieldManagerConflict" for cause in causes):
        return ApiError(_describe_conflict(what, causes), status=status, reason="FieldManagerConflict")
    message = _without_quoted_values(str(body.get("message", "")) or f"HTTP {status}")
    if status == 409 and reason == "AlreadyExists":
        message = (
            "it already exists in the cluster; import it (pulumi import), delete it, or set "
            "upsertExistingObjects on the provider to take it over"
        )
    if status == 401:
        message = "the cluster does not accept the kubeconfig's credentials (401 Unauthorized)"
    return ApiError(f"{what}: {message}", status=status, reason=reason)


def _describe_conflict(what: str, causes: Sequence[Mapping[str, Any]]) -> str:
    """Return the conflicting fields with their managers, and the remedy."""
    fields: dict[str, list[str]] = {}
    for cause in causes:
        manager = str(cause.get("message", "")).removeprefix("conflict with ").strip() or "another manager"
        fields.setdefault(manager, []).append(str(cause.get("field", "?")).removeprefix("."))
    owned = "; ".join(f"{', '.join(names)} (set by {manager})" for manager, names in fields.items())
    return (
        f"{what}: fields are managed by someone else: {owned}. Leave them out of the program, or take them "
        'over with the annotation pulumi.com/patchForce: "true"'
    )


def _without_quoted_values(message: str) -> str:
    """Return the message of the server on one line without quoted objects, whose values may be secret.

    Validation errors quote the rejected value (`Invalid value: …: explanation`); an object has braces.
    """
    line = " ".join(message.split())
    start = line.find("Invalid value: {")
    while start >= 0:
        end = line.rfind("}:", start)
        if end < 0:
            return line[:start] + "Invalid value"
        line = line[:start] + "Invalid value" + line[end + 1 :]
        start = line.find("Invalid value: {")
    return line if len(line) <= 1500 else line[:1500] + " …"
