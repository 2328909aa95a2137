"""Invalid settings of OpenID Connect issuers."""

from __future__ import annotations

from collections.abc import Mapping

from tests.unit.settings.support import InvalidSettings

SUBJECT = {"claim": "sub", "prefix": "corp:"}
ISSUER: Mapping[str, object] = {"url": "https://login.example", "audiences": ["k8s"], "username": SUBJECT}


def invalid_issuer(path: str, phrase: str, **edits: object) -> InvalidSettings:
    """Return settings whose issuer `corp` has a problem at `path` below the issuer."""
    full_path = f"api.oidc.corp.{path}" if path else "api.oidc.corp"
    return InvalidSettings(full_path, phrase, {"api.oidc.corp": {**ISSUER, **edits}})


AUTHENTICATION = (
    invalid_issuer("url", "not the URL of an issuer; allowed: https://", url="http://login.example"),
    invalid_issuer("url", "contains a user or password", url="https://me:secret@login.example"),
    invalid_issuer("url", "contains a query or fragment", url="https://login.example/?tenant=1"),
    invalid_issuer("url", "not the URL of an issuer", url="login.example"),
    InvalidSettings(
        "api.oidc.other.url",
        '"https://login.example": corp has this URL',
        {"api.oidc": {"corp": ISSUER, "other": ISSUER}},
    ),
    invalid_issuer("discovery_url", "same as url; remove it", discovery_url="https://login.example/"),
    invalid_issuer("audiences", "must have at least 1 entry", audiences=[]),
    invalid_issuer(
        "audiences[1]", '"k8s": named twice', audiences=["k8s"] * 2, audience_match_policy="MatchAny"
    ),
    invalid_issuer("audience_match_policy", "several audiences need MatchAny", audiences=["k8s", "web"]),
    invalid_issuer(
        "audience_match_policy", '"MatchAll": unknown; allowed: MatchAny', audience_match_policy="MatchAll"
    ),
    invalid_issuer("username", "needs exactly one of claim, such as sub", username={}),
    invalid_issuer("username.prefix", 'missing; add it, such as "corp:"', username={"claim": "sub"}),
    invalid_issuer(
        "groups.prefix",
        "allowed only with claim; put the prefix into the expression",
        groups={"expression": "claims.roles", "prefix": "corp:"},
    ),
    invalid_issuer("uid", "needs exactly one of claim", uid={"claim": "sub", "expression": "claims.sub"}),
    invalid_issuer("uid.prefix", "unknown key; allowed here: claim, expression", uid=SUBJECT),
    invalid_issuer(
        "username.expression",
        "uses claims.email without claims.email_verified",
        username={"expression": "'corp:' + claims.email"},
    ),
    invalid_issuer("extra.tenant", "not a key; allowed: DOMAIN/NAME", extra={"tenant": "claims.tenant"}),
    invalid_issuer(
        'extra."authentication.k8s.io/tenant"',
        "reserved for Kubernetes; choose another domain",
        extra={"authentication.k8s.io/tenant": "claims.tenant"},
    ),
    invalid_issuer(
        "claim_validation_rules[0]", "needs exactly one of claim and expression", claim_validation_rules=[{}]
    ),
    invalid_issuer(
        "claim_validation_rules[0].message",
        "allowed only with expression",
        claim_validation_rules=[{"claim": "hd", "required_value": "example.com", "message": "no"}],
    ),
    invalid_issuer(
        "claim_validation_rules[0].required_value",
        "allowed only with claim",
        claim_validation_rules=[{"expression": "claims.hd == 'a'", "required_value": "a"}],
    ),
    invalid_issuer(
        "claim_validation_rules[1]",
        "has the claim or expression of an earlier entry",
        claim_validation_rules=[{"claim": "hd", "required_value": name} for name in ("a", "b")],
    ),
    invalid_issuer(
        "user_validation_rules[1].expression",
        "same as the expression of an earlier entry",
        user_validation_rules=[{"expression": "user.username != 'corp:root'"}] * 2,
    ),
)
