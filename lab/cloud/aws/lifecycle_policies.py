"""The emulated API of Data Lifecycle Manager, which the library moto lacks. Policies have no effect.

https://docs.aws.amazon.com/dlm/latest/APIReference
"""

from __future__ import annotations

import json
import threading
from http import HTTPStatus
from typing import Any
from uuid import uuid4

_PREFIX = "/policies"


class LifecyclePolicies:
    """The lifecycle policies of an account, by id."""

    def __init__(self) -> None:
        self._policies: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()

    def all(self) -> list[str]:
        """Return the ids of all policies."""
        return sorted(self._policies)

    def respond(self, method: str, path: str, body: bytes) -> tuple[HTTPStatus, dict[str, Any]]:
        """Return status and content of the response to a request."""
        identity = path.removeprefix(_PREFIX).strip("/")
        parameters: dict[str, Any] = json.loads(body or b"{}")
        with self._lock:
            if method == "POST" and not identity:
                identity = f"policy-{uuid4().hex[:17]}"
                self._policies[identity] = {"PolicyId": identity, **parameters}
                return HTTPStatus.OK, {"PolicyId": identity}
            if method == "GET" and not identity:
                return HTTPStatus.OK, {"Policies": [_summary(policy) for policy in self._policies.values()]}
            if identity not in self._policies:
                return HTTPStatus.NOT_FOUND, {
                    "__type": "ResourceNotFoundException",
                    "Code": "ResourceNotFoundException",
                    "Message": f"{identity} does not exist",
                }
            if method == "GET":
                return HTTPStatus.OK, {"Policy": self._policies[identity]}
            if method == "PATCH":
                self._policies[identity] |= parameters
                return HTTPStatus.OK, {}
            if method == "DELETE":
                del self._policies[identity]
                return HTTPStatus.OK, {}
        return HTTPStatus.METHOD_NOT_ALLOWED, {"Message": f"{method} is not emulated"}


def _summary(policy: dict[str, Any]) -> dict[str, Any]:
    return {key: policy[key] for key in ("PolicyId", "Description", "State") if key in policy}
