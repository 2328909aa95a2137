"""OpenID Connect issuers and authorization webhooks of the API server, as plain data.

The types follow the AuthenticationConfiguration and AuthorizationConfiguration of Kubernetes
(apiserver.config.k8s.io/v1). Empty texts mean that a field is not set.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ClaimMapping:
    """The source of a user's attribute: a claim with a prefix, or a CEL expression."""

    claim: str = ""
    prefix: str | None = None
    expression: str = ""


@dataclass(frozen=True, slots=True)
class ValidationRule:
    """A condition for tokens or users: a claim with a required value, or a CEL expression with a message."""

    claim: str = ""
    required_value: str = ""
    expression: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Issuer:
    """An issuer. `ca` is the PEM of its certificate authority; empty: the authorities of the system.

    `extra` has pairs of key and CEL expression.
    """

    url: str
    audiences: tuple[str, ...]
    username: ClaimMapping
    discovery_url: str = ""
    ca: str = ""
    audience_match_policy: str = ""
    groups: ClaimMapping | None = None
    uid: ClaimMapping | None = None
    extra: tuple[tuple[str, str], ...] = ()
    claim_rules: tuple[ValidationRule, ...] = ()
    user_rules: tuple[ValidationRule, ...] = ()


@dataclass(frozen=True, slots=True)
class AuthorizationWebhook:
    """A webhook that API servers ask whether a request is allowed. Times are in seconds.

    `secret` is the name of the secret in the delivery with the kubeconfig (`authorization-<name>`).
    """

    name: str
    secret: str
    failure_policy: str
    can_deny: bool
    match_conditions: tuple[str, ...]
    timeout: int
    authorized_ttl: int
    unauthorized_ttl: int
