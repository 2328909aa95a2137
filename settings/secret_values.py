"""Values of secrets: placeholders for values that are not known, and Base64."""

from __future__ import annotations

import base64
import binascii

from pydantic import SecretStr

PLACEHOLDERS = frozenset({"encrypted", "[input]"})
"""Texts that stand for a secret whose content is not known, as in a preview without the passphrase."""


def is_placeholder(secret: SecretStr) -> bool:
    """Check whether the content of a secret is not known."""
    return secret.get_secret_value() in PLACEHOLDERS


def decode_base64(secret: SecretStr) -> bytes:
    """Return the content of a secret in Base64; no bytes if it is not Base64."""
    try:
        return base64.b64decode(secret.get_secret_value(), validate=True)
    except (binascii.Error, ValueError):
        return b""
