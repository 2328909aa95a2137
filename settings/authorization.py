"""Settings of authorization by webhooks [D4]."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, BeforeValidator, SecretStr

from formats.documents import parse_yaml
from settings.base import Section
from settings.secret_values import PLACEHOLDERS
from settings.types import Duration, NonEmpty, parse_seconds

_FILES = ("certificate-authority", "client-certificate", "client-key", "tokenFile")
_MAX_TIMEOUT = 30  # seconds, the maximum of Kubernetes


def _validate_kubeconfig(value: object) -> object:
    if not isinstance(value, str) or value in PLACEHOLDERS:
        return value
    try:
        content: Any = parse_yaml(value)
        sections = [item.get("cluster") or item["user"] for item in content["clusters"] + content["users"]]
        servers = [item["cluster"]["server"] for item in content["clusters"]]
    except (yaml.YAMLError, KeyError, TypeError, AttributeError):
        raise ValueError("not a kubeconfig with clusters and users; give the text of the file") from None
    if not content.get("current-context"):
        raise ValueError("has no current-context; add it to the kubeconfig")
    if not all(isinstance(server, str) and server.startswith("https://") for server in servers):
        raise ValueError("has a server without https; webhooks need TLS")
    files = sorted({key for section in sections for key in _FILES if key in section})
    if files:
        raise ValueError(
            f"refers to files that control planes do not have ({', '.join(files)}); embed their content "
            "(kubectl config view --flatten)"
        )
    return value


def _validate_timeout(duration: str) -> str:
    if not 0 < parse_seconds(duration) <= _MAX_TIMEOUT:
        raise ValueError("allowed: 1s to 30s")
    return duration


class AuthorizationWebhookSettings(Section):
    """A webhook that API servers query to authorize requests.

    Requests of the group `system:masters` are always allowed.
    """

    kubeconfig: Annotated[SecretStr, BeforeValidator(_validate_kubeconfig)]
    """Text of a kubeconfig with the address and credentials of the webhook, as an encrypted value
    (`secure: …`).
    """
    failure_policy: Literal["NoOpinion", "Deny"]
    """What an API server does when the webhook fails: ask the next authorizer, or deny the request."""
    can_deny: bool = False
    """Ask the webhook before Node and RBAC, so that it can deny what these allow; default: ask it last."""
    match_conditions: tuple[NonEmpty, ...] = ()
    """CEL expressions over `request`; the webhook is asked when all are true."""
    timeout: Annotated[Duration, AfterValidator(_validate_timeout)] = "3s"
    """Maximum time of a request to the webhook; at most 30s."""
    authorized_ttl: Duration = "5m"
    """Time for which API servers remember that a request is allowed."""
    unauthorized_ttl: Duration = "30s"
    """Time for which API servers remember that a request is not allowed."""
