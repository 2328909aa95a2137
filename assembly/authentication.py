"""Conversion of the settings of OpenID Connect issuers and authorization webhooks to plain data."""

from __future__ import annotations

from collections.abc import Mapping

from settings.authentication import ClaimSettings, OidcIssuerSettings, PrefixedClaimSettings
from settings.authorization import AuthorizationWebhookSettings
from settings.types import parse_seconds
from topology.authentication import AuthorizationWebhook, ClaimMapping, Issuer, ValidationRule


def build_issuers(
    settings: Mapping[str, OidcIssuerSettings], files: Mapping[str, str] | None
) -> tuple[Issuer, ...]:
    """Return the issuers. `files` maps paths in the settings to texts; without it issuers have no CA."""
    return tuple(_issuer(issuer, files) for issuer in settings.values())


def _issuer(issuer: OidcIssuerSettings, files: Mapping[str, str] | None) -> Issuer:
    username = _mapping(issuer.username)
    assert username is not None
    return Issuer(
        url=issuer.url,
        audiences=issuer.audiences,
        username=username,
        discovery_url=issuer.discovery_url or "",
        ca=files[issuer.ca_file] if files is not None and issuer.ca_file else "",
        audience_match_policy=issuer.audience_match_policy or "",
        groups=_mapping(issuer.groups),
        uid=_mapping(issuer.uid),
        extra=tuple(issuer.extra.items()),
        claim_rules=tuple(
            ValidationRule(
                rule.claim or "", rule.required_value or "", rule.expression or "", rule.message or ""
            )
            for rule in issuer.claim_validation_rules
        ),
        user_rules=tuple(
            ValidationRule(expression=rule.expression, message=rule.message or "")
            for rule in issuer.user_validation_rules
        ),
    )


def _mapping(mapping: ClaimSettings | None) -> ClaimMapping | None:
    if mapping is None:
        return None
    prefix = mapping.prefix if isinstance(mapping, PrefixedClaimSettings) else None
    return ClaimMapping(claim=mapping.claim or "", prefix=prefix, expression=mapping.expression or "")


def webhook_secret_name(webhook: str) -> str:
    """Return the name of the secret with the kubeconfig of an authorization webhook."""
    return f"authorization-{webhook}"


def build_webhooks(
    settings: Mapping[str, AuthorizationWebhookSettings],
) -> tuple[AuthorizationWebhook, ...]:
    """Return the authorization webhooks, without their kubeconfigs."""
    return tuple(
        AuthorizationWebhook(
            name=name,
            secret=webhook_secret_name(name),
            failure_policy=webhook.failure_policy,
            can_deny=webhook.can_deny,
            match_conditions=webhook.match_conditions,
            timeout=parse_seconds(webhook.timeout),
            authorized_ttl=parse_seconds(webhook.authorized_ttl),
            unauthorized_ttl=parse_seconds(webhook.unauthorized_ttl),
        )
        for name, webhook in settings.items()
    )
