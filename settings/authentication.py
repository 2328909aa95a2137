"""Settings of authentication by OpenID Connect [D4]."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from settings.base import Section
from settings.types import FilePath, NonEmpty


def _validate_issuer_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme != "https" or not parts.hostname:
        raise ValueError(
            "not the URL of an issuer; allowed: https://HOST[:PORT][/PATH], because tokens need TLS"
        )
    if parts.username or parts.password:
        raise ValueError("contains a user or password; remove them")
    if "?" in text or "#" in text:
        raise ValueError("contains a query or fragment; remove it, because issuers are compared as text")
    return text


# A trailing slash is kept: the URL must be equal to the claim `iss` of tokens.
IssuerUrl = Annotated[
    str, AfterValidator(_validate_issuer_url), Field(json_schema_extra={"pattern": "^https://"})
]


class ClaimSettings(Section):
    """The source of a user's attribute; either `claim` or `expression` is required."""

    claim: NonEmpty | None = None
    """Name of the claim, such as `sub`."""
    expression: NonEmpty | None = None
    """CEL expression over `claims`, such as `claims.sub`."""


class PrefixedClaimSettings(ClaimSettings):
    """The source of a user's name or groups; either `claim` with `prefix`, or `expression` is required."""

    prefix: str | None = None
    """Text before the value of the claim, such as `corp:`; required with `claim`, and may be empty."""


class ClaimRuleSettings(Section):
    """A condition for tokens; either `claim` or `expression` is required."""

    claim: NonEmpty | None = None
    """Name of a claim that tokens must have."""
    required_value: str | None = None
    """Required value of `claim`; default: the empty text."""
    expression: NonEmpty | None = None
    """CEL expression over `claims` that must be true."""
    message: NonEmpty | None = None
    """Message of the API server when `expression` is false."""


class UserRuleSettings(Section):
    """A condition for users."""

    expression: NonEmpty
    """CEL expression over `user` that must be true, such as `user.groups.exists(g, g == 'corp:staff')`."""
    message: NonEmpty | None = None
    """Message of the API server when the expression is false."""


class OidcIssuerSettings(Section):
    """An OpenID Connect issuer whose tokens the API server accepts.

    Users and groups whose names begin with `system:` or `kubewright:` are always refused.
    """

    url: IssuerUrl
    """URL of the issuer, equal to the claim `iss` of its tokens."""
    discovery_url: IssuerUrl | None = None
    """URL of the discovery document, if it is not below `url`."""
    ca_file: FilePath | None = None
    """PEM file of the issuer's certificate authority; default: the authorities of the control planes."""
    audiences: tuple[NonEmpty, ...] = Field(min_length=1)
    """Audiences of accepted tokens, such as the client ID."""
    audience_match_policy: Literal["MatchAny"] | None = None
    """`MatchAny` accepts tokens for one of several audiences; required for several audiences."""
    username: PrefixedClaimSettings
    """Source of the user's name."""
    groups: PrefixedClaimSettings | None = None
    """Source of the user's groups; default: no groups."""
    uid: ClaimSettings | None = None
    """Source of the user's UID; default: no UID."""
    extra: dict[NonEmpty, NonEmpty] = Field(default_factory=dict)
    """Extra attributes: CEL expressions by key, such as `example.com/tenant: claims.tenant`."""
    claim_validation_rules: tuple[ClaimRuleSettings, ...] = ()
    """Conditions for tokens."""
    user_validation_rules: tuple[UserRuleSettings, ...] = ()
    """Conditions for users."""


class ServiceAccountIssuerSettings(Section):
    """The issuer of service account tokens, for programs outside the cluster that verify tokens."""

    url: IssuerUrl
    """URL of the issuer in new tokens; publish `/.well-known/openid-configuration` below it."""
    accepted: tuple[IssuerUrl, ...] = ()
    """Issuers whose tokens API servers also accept, while the issuer changes."""
    jwks_uri: IssuerUrl | None = None
    """URL of the published keys in the discovery document; default: the address of the API server."""
