"""The AuthenticationConfiguration of kube-apiserver: anonymous requests, and OpenID Connect issuers [D4].

The API server reloads the file, except for the part about anonymous requests, which is constant.
"""

from __future__ import annotations

from nodeconfig.bundle import File
from nodeconfig.component import Json, json_file
from nodeconfig.host_paths import KUBERNETES
from topology.authentication import ClaimMapping, Issuer, ValidationRule
from topology.options import ControlPlaneOptions

AUTHENTICATION = f"{KUBERNETES}/authentication.json"
_ANONYMOUS_PATHS = ("/livez", "/readyz", "/healthz")
# Without these rules, an issuer could put its users into system:masters, or into a group of Kubewright.
_RESERVED_NAMES = tuple(
    ValidationRule(
        expression=f"!user.username.startsWith('{prefix}') && user.groups.all(g, !g.startsWith('{prefix}'))",
        message=f"names of users and groups must not begin with {prefix}",
    )
    for prefix in ("system:", "kubewright:")
)


def authentication_file(options: ControlPlaneOptions) -> File:
    """Return the authentication configuration: anonymous requests reach only health checks (KEP-4633)."""
    content: Json = {
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "AuthenticationConfiguration",
        "anonymous": {"enabled": True, "conditions": [{"path": path} for path in _ANONYMOUS_PATHS]},
    }
    if options.issuers:
        content["jwt"] = [_authenticator(issuer) for issuer in options.issuers]
    return json_file(AUTHENTICATION, content, mode=0o644)


def _authenticator(issuer: Issuer) -> Json:
    mappings: Json = {"username": _mapping(issuer.username)}
    if issuer.groups:
        mappings["groups"] = _mapping(issuer.groups)
    if issuer.uid:
        mappings["uid"] = _mapping(issuer.uid)
    if issuer.extra:
        mappings["extra"] = [{"key": key, "valueExpression": expression} for key, expression in issuer.extra]
    # The API server refuses an expression that appears twice.
    user_rules = {rule.expression: rule for rule in (*_RESERVED_NAMES, *issuer.user_rules)}
    return {
        "issuer": _without_empty(
            {
                "url": issuer.url,
                "discoveryURL": issuer.discovery_url,
                "certificateAuthority": issuer.ca,
                "audiences": list(issuer.audiences),
                "audienceMatchPolicy": issuer.audience_match_policy,
            }
        ),
        **_without_empty({"claimValidationRules": [_rule(rule) for rule in issuer.claim_rules]}),
        "claimMappings": mappings,
        "userValidationRules": [_rule(rule) for rule in user_rules.values()],
    }


def _mapping(mapping: ClaimMapping) -> Json:
    if mapping.expression:
        return {"expression": mapping.expression}
    prefix = {} if mapping.prefix is None else {"prefix": mapping.prefix}
    return {"claim": mapping.claim, **prefix}


def _rule(rule: ValidationRule) -> Json:
    return _without_empty(
        {
            "claim": rule.claim,
            "requiredValue": rule.required_value,
            "expression": rule.expression,
            "message": rule.message,
        }
    )


def _without_empty(content: Json) -> Json:
    return {key: value for key, value in content.items() if value}
