"""Rules about OpenID Connect issuers, as the API server checks them [D4].

Source: pkg/apis/apiserver/validation of k8s.io/apiserver 1.35 and 1.36. The API server also compiles all CEL
expressions. `up` fails if the API server refuses one, and the API server keeps its previous configuration.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from settings.authentication import ClaimSettings, OidcIssuerSettings, PrefixedClaimSettings
from settings.cluster import service_account_issuers
from settings.domains import KUBERNETES_DOMAINS, is_in_domain
from settings.problem import Problem, format_path
from settings.rules.base import RuleInput, rule

_EMAIL = re.compile(r"\bclaims\.email\b")
_VERIFIED_EMAIL = re.compile(r"\bclaims\.(\?)?email_verified\b")
_EXTRA_KEY = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?/[-a-z0-9._~!$&'()*+,;=:@%/]+")


@rule(needs=("api",), needs_valid=("api.oidc",))
def issuers_are_unique(rule_input: RuleInput) -> Iterator[Problem]:
    """Require different URLs of issuers and discovery documents."""
    owners: dict[str, str] = {}
    for name, issuer in rule_input.settings.api.oidc.items():
        path = f"api.oidc.{name}"
        if issuer.url in owners:
            yield Problem(
                f"{path}.url", f'"{issuer.url}"', f"{owners[issuer.url]} has this URL; remove one of them"
            )
        owners.setdefault(issuer.url, name)
        if issuer.discovery_url and issuer.discovery_url.rstrip("/") == issuer.url.rstrip("/"):
            yield Problem(f"{path}.discovery_url", "", "same as url; remove it")


@rule(needs=("api", "network.domain"), needs_valid=("api.oidc", "api.service_account_issuer"))
def issuers_do_not_issue_service_account_tokens(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse OpenID Connect issuers with the URL of the issuer of service account tokens."""
    own = service_account_issuers(rule_input.settings)
    for name, issuer in rule_input.settings.api.oidc.items():
        if issuer.url in own:
            yield Problem(
                f"api.oidc.{name}.url",
                f'"{issuer.url}"',
                "is an issuer of service account tokens; API servers refuse this, so use another URL",
            )


@rule(needs=("api",), needs_valid=("api.service_account_issuer",))
def service_account_issuers_differ(rule_input: RuleInput) -> Iterator[Problem]:
    """Require different accepted issuers of service account tokens."""
    section = rule_input.settings.api.service_account_issuer
    accepted = section.accepted if section else ()
    for position, url in enumerate(accepted):
        path = f"api.service_account_issuer.accepted[{position}]"
        if section and url == section.url:
            yield Problem(path, f'"{url}"', "same as url, which is always accepted; remove it")
        elif url in accepted[:position]:
            yield Problem(path, f'"{url}"', "named twice; remove one")


@rule(needs=("api",), needs_valid=("api.oidc",))
def audiences_have_a_policy(rule_input: RuleInput) -> Iterator[Problem]:
    """Require different audiences, and a policy for several audiences."""
    for name, issuer in rule_input.settings.api.oidc.items():
        path = f"api.oidc.{name}"
        if len(issuer.audiences) > 1 and issuer.audience_match_policy is None:
            yield Problem(
                f"{path}.audience_match_policy",
                "",
                "missing; several audiences need MatchAny: a token for one of them is accepted",
            )
        for position, audience in enumerate(issuer.audiences):
            if audience in issuer.audiences[:position]:
                yield Problem(f"{path}.audiences[{position}]", f'"{audience}"', "named twice; remove one")


@rule(needs=("api",), needs_valid=("api.oidc",))
def claims_are_mapped(rule_input: RuleInput) -> Iterator[Problem]:
    """Require either a claim or an expression for each attribute, and a prefix for claims."""
    for name, issuer in rule_input.settings.api.oidc.items():
        path = f"api.oidc.{name}"
        for key in ("username", "groups", "uid"):
            mapping = getattr(issuer, key)
            if mapping is not None:
                yield from _mapping_problems(f"{path}.{key}", mapping)
        yield from _extra_problems(path, issuer)
        if _EMAIL.search(issuer.username.expression or "") and not _uses_verified_email(issuer):
            yield Problem(
                f"{path}.username.expression",
                "",
                "uses claims.email without claims.email_verified; add a claim_validation_rules entry with "
                "expression: claims.email_verified == true",
            )


@rule(needs=("api",), needs_valid=("api.oidc",))
def validation_rules_are_complete(rule_input: RuleInput) -> Iterator[Problem]:
    """Require either a claim or an expression in each condition for tokens."""
    for name, issuer in rule_input.settings.api.oidc.items():
        seen: set[str] = set()
        for position, item in enumerate(issuer.claim_validation_rules):
            path = f"api.oidc.{name}.claim_validation_rules[{position}]"
            if (item.claim is None) == (item.expression is None):
                yield Problem(path, "", "needs exactly one of claim and expression")
            elif item.claim and item.message:
                yield Problem(f"{path}.message", "", "allowed only with expression; remove it")
            elif item.expression and item.required_value is not None:
                yield Problem(f"{path}.required_value", "", "allowed only with claim; remove it")
            condition = item.claim or item.expression or ""
            if condition in seen:
                yield Problem(path, "", "has the claim or expression of an earlier entry; remove one")
            seen.add(condition)
        expressions = [item.expression for item in issuer.user_validation_rules]
        for position, expression in enumerate(expressions):
            if expression in expressions[:position]:
                path = f"api.oidc.{name}.user_validation_rules[{position}].expression"
                yield Problem(path, "", "same as the expression of an earlier entry; remove one")


def _mapping_problems(path: str, mapping: ClaimSettings) -> Iterator[Problem]:
    prefix = mapping.prefix if isinstance(mapping, PrefixedClaimSettings) else None
    if (mapping.claim is None) == (mapping.expression is None):
        yield Problem(path, "", "needs exactly one of claim, such as sub, and expression, such as claims.sub")
    elif mapping.expression and prefix is not None:
        yield Problem(f"{path}.prefix", "", "allowed only with claim; put the prefix into the expression")
    elif mapping.claim and prefix is None and isinstance(mapping, PrefixedClaimSettings):
        yield Problem(
            f"{path}.prefix",
            "",
            'missing; add it, such as "corp:", so that names of different issuers differ ("" for no prefix)',
        )


def _extra_problems(path: str, issuer: OidcIssuerSettings) -> Iterator[Problem]:
    for key in issuer.extra:
        where = format_path([*path.split("."), "extra", key])
        domain = key.partition("/")[0]
        if not _EXTRA_KEY.fullmatch(key):
            yield Problem(
                where, "", "not a key; allowed: DOMAIN/NAME in lower case, such as example.com/tenant"
            )
        elif is_in_domain(domain, *KUBERNETES_DOMAINS):
            yield Problem(
                where, "", "kubernetes.io and k8s.io are reserved for Kubernetes; choose another domain"
            )


def _uses_verified_email(issuer: OidcIssuerSettings) -> bool:
    expressions = [
        issuer.username.expression,
        *issuer.extra.values(),
        *(item.expression for item in issuer.claim_validation_rules),
    ]
    return any(_VERIFIED_EMAIL.search(expression or "") for expression in expressions)
