"""Settings of Grafana, which shows the metrics and logs of the cluster [H4]."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field, JsonValue, SecretStr

from settings.base import Section
from settings.secret_values import is_placeholder
from settings.types import FilePath, HttpsUrl, Name, NonEmpty, Quantity, Version
from settings.web_access import WebAccessSettings
from topology.grafana import ANY_PERSON, REPOSITORY, VERSION

_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9 ._:/@+-]*")
_CLAIM = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")
_SCOPE = re.compile(r"[A-Za-z0-9._:/+-]+")
_MIN_PASSWORD = 12


def _validate_password(secret: SecretStr) -> SecretStr:
    text = secret.get_secret_value()
    if not is_placeholder(secret) and (len(text) < _MIN_PASSWORD or re.search(r"\s", text)):
        raise ValueError(
            f"has fewer than {_MIN_PASSWORD} characters, or spaces; create one with openssl rand -hex 16"
        )
    return secret


def _validate_client_secret(secret: SecretStr) -> SecretStr:
    text = secret.get_secret_value()
    if not text or re.search(r"\s", text):
        raise ValueError("is empty or has spaces; give the secret of the client without a line break")
    return secret


def _validate_plain(text: str) -> str:
    # The text is part of a line of Grafana's INI file and of a JMESPath expression.
    if not _PLAIN.fullmatch(text):
        raise ValueError("not allowed in Grafana's configuration; use letters, digits, spaces and ._:/@+-")
    return text


def _validate_group(text: str) -> str:
    return text if text == ANY_PERSON else _validate_plain(text)


def _validate_claim(text: str) -> str:
    if not _CLAIM.fullmatch(text):
        raise ValueError(
            "not a claim; give its name, such as groups, or realm_access.roles for a nested claim"
        )
    return text


def _validate_scope(text: str) -> str:
    if not _SCOPE.fullmatch(text):
        raise ValueError("not a scope of Grafana; give one name without spaces, such as groups")
    if text == "openid":
        raise ValueError("Grafana always requests it; remove it")
    return text


def _validate_endpoint(url: str) -> str:
    if re.search(r"[;#%${}`]", url):
        raise ValueError("has a character that Grafana's configuration would change; allowed: no ;#%${}`")
    return url


EndpointUrl = Annotated[HttpsUrl, AfterValidator(_validate_endpoint)]
Group = Annotated[NonEmpty, AfterValidator(_validate_group)]


class GrafanaLoginSettings(Section):
    """Login of people at an OpenID Connect issuer. Grafana does not read its discovery document."""

    auth_url: EndpointUrl
    """`authorization_endpoint` in the discovery document of the issuer."""
    token_url: EndpointUrl
    """`token_endpoint` in the discovery document."""
    userinfo_url: EndpointUrl | None = None
    """`userinfo_endpoint` in the discovery document; default: only the claims of ID tokens are used."""
    ca_file: FilePath | None = None
    """PEM file of the issuer's certificate authority; default: the authorities of the image."""
    client_id: Annotated[NonEmpty, AfterValidator(_validate_plain)]
    """Client of Grafana at the issuer."""
    client_secret: Annotated[SecretStr, AfterValidator(_validate_client_secret)]
    """Secret of the client, as an encrypted value (`secure: …`)."""
    scopes: tuple[Annotated[str, AfterValidator(_validate_scope)], ...] = ("profile", "email")
    """Scopes that the login requests beside `openid`."""
    groups_claim: Annotated[str, AfterValidator(_validate_claim)] = "groups"
    """Claim with the groups of a person."""
    admins: tuple[Group, ...] = ()
    """Groups of administrators of Grafana."""
    editors: tuple[Group, ...] = ()
    """Groups of people who can change dashboards and silence alerts."""
    viewers: tuple[Group, ...] = ()
    """Groups of people who can see dashboards and logs; `*` is each person of the issuer. Others cannot log
    in.
    """


class GrafanaStorageSettings(Section):
    """The volume of Grafana, for users, their settings and dashboards that they create."""

    size: Quantity = "5Gi"
    """Size of the volume."""
    storage_class: Name | None = None
    """StorageClass of the volume; default: the default class of the cluster. It cannot be changed."""


class GrafanaSettings(Section):
    """Grafana with dashboards about the cluster, by its community's Helm chart."""

    admin_password: Annotated[SecretStr, AfterValidator(_validate_password)] | None = None
    """Password of the user `admin`, as an encrypted value (`secure: …`); default: no such user. With
    `storage`, only the first start of Grafana uses it.
    """
    oidc: GrafanaLoginSettings | None = None
    """Login of people at an OpenID Connect issuer. Either `oidc` or `admin_password` is required."""
    ingress: WebAccessSettings | None = None
    """Name at which `addons.ingress` serves Grafana; default: `kubectl port-forward` reaches it."""
    storage: GrafanaStorageSettings | None = None
    """Volume of Grafana; default: none, so that changes in Grafana end with its pod."""
    logs: bool | None = None
    """Show the logs in `addons.logs.loki`; default: if the cluster has this store. Each person who can log in
    can then read all logs, also the audit log.
    """
    version: Version = VERSION
    """Version of the chart; another version of the same major version."""
    repository: HttpsUrl = REPOSITORY
    """URL of the chart repository, such as a mirror of the community's."""
    chart: NonEmpty = "grafana"
    """Name of the chart in `repository`, an `oci://` reference, or a path relative to the checkout."""
    values: dict[str, JsonValue] = Field(default_factory=dict)
    """Further values of the chart, such as `resources`. They are not secret, and cannot replace values that
    other settings determine.
    """
