"""The kubeconfig of a stack's cluster, also before the first `up` has ended."""

from __future__ import annotations

import json
from typing import Any

from automation.engine.program import Engine
from automation.engine.state import resources_of
from automation.errors import UserError
from automation.operations.api_client import ApiClient, ApiError
from automation.signatures import reveal

_PROVIDER_TYPE = "pulumi:providers:kubernetes"


def connect(engine: Engine) -> ApiClient:
    """Return a client of the API of a stack's cluster. Raise UserError or ApiError."""
    return ApiClient(find_kubeconfig(engine))


def find_kubeconfig(engine: Engine) -> dict[str, Any]:
    """Return a kubeconfig with which the API answers.

    Raise UserError if the state has no kubeconfig, and ApiError if the API does not answer.
    """
    file = engine.environment.kubeconfig(engine.workspace.stack)
    try:
        written: dict[str, Any] = json.loads(file.read_text())
        ApiClient(written).get("/version")
    except (OSError, ValueError, KeyError, ApiError):
        # The first `up` writes the file at its end, and the credentials in the file can be outdated.
        written = _kubeconfig_in_state(engine)
        ApiClient(written).get("/version")
    return written


def _kubeconfig_in_state(engine: Engine) -> dict[str, Any]:
    """Return the kubeconfig with which the engine reaches the cluster. The state has it while `up` runs."""
    for resource in reversed(resources_of(engine.export_state())):
        text = reveal((resource.get("inputs") or {}).get("kubeconfig"))
        if resource.get("type") == _PROVIDER_TYPE and not resource.get("delete") and text:
            kubeconfig: dict[str, Any] = json.loads(str(text))
            return kubeconfig
    raise UserError(f"stack {engine.workspace.stack}: the state has no kubeconfig yet; run `up` first")
