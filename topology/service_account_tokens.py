"""The issuer of service account tokens: the paths of its public documents."""

from __future__ import annotations

DISCOVERY_PATH = ".well-known/openid-configuration"
"""Path of the discovery document below the URL of the issuer."""
JWKS_PATH = "openid/v1/jwks"
"""Path of the keys below the URL of the issuer."""
PUBLIC_DOCUMENTS = (DISCOVERY_PATH, JWKS_PATH)
"""Paths of the public documents."""


def jwks_url(issuer: str) -> str:
    """Return the URL of the published keys of an issuer."""
    return f"{issuer}/{JWKS_PATH}"
