"""Settings of the add-on with a web interface for the cluster, by Headlamp [H4]."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field, JsonValue

from settings.base import Section
from settings.monitoring import Credential
from settings.types import HttpsUrl, Name, NonEmpty, Version
from settings.web_access import WebAccessSettings
from topology.dashboard import REPOSITORY, VERSION

_SCOPE = re.compile(r"[\x21\x23-\x2b\x2d-\x5b\x5d-\x7e]+")
"""A scope-token of RFC 6749 without a comma, which separates the scopes in the option of Headlamp."""


def validate_scope(text: str) -> str:
    """Return a scope that a client can request. Raise ValueError for other text."""
    if not _SCOPE.fullmatch(text):
        raise ValueError("not a scope; give one name without spaces and commas, such as groups")
    if text == "openid":
        raise ValueError("is always requested; remove it")
    return text


Scope = Annotated[str, AfterValidator(validate_scope)]


class DashboardSettings(Section):
    """Headlamp, a web interface for the cluster, by its official Helm chart. Each person logs in at an issuer
    of `api.oidc` and has the permissions of this login. It runs in the namespace `headlamp`.
    """

    oidc: Name | None = None
    """Issuer in `api.oidc` at which people log in; default: the only one."""
    client_id: NonEmpty | None = None
    """Client of the dashboard at the issuer, which is one of its `audiences`; default: the only one."""
    client_secret: Credential
    """Secret of the client, as an encrypted value (`secure: …`)."""
    scopes: tuple[Scope, ...] = ("profile", "email")
    """Scopes that the login requests beside `openid`. Some issuers need `groups` for the claim of groups."""
    ingress: WebAccessSettings | None = None
    """Name at which `addons.ingress` serves the dashboard; default: `kubectl port-forward` reaches it."""
    version: Version = VERSION
    """Version of the chart; another version of the same major version."""
    repository: HttpsUrl = REPOSITORY
    """URL of the chart repository, such as a mirror of the official one."""
    chart: NonEmpty = "headlamp"
    """Name of the chart in `repository`, an `oci://` reference, or a path relative to the checkout."""
    values: dict[str, JsonValue] = Field(default_factory=dict)
    """Further values of the chart, such as `resources`. They are not secret, and cannot replace values that
    other settings determine.
    """
