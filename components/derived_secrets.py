"""Secrets derived from private keys that pulumi-tls stores in the state: bootstrap tokens, encryption key,
salt of payloads, secret of the registry.
"""

from __future__ import annotations

import base64
import hashlib
import hmac


def bootstrap_token(private_key: str, owner: str, generation: int) -> str:
    """Return the bootstrap token of a host or pool, `abcdef.0123456789abcdef`, with 80 random bits in its
    second part.

    `owner` is the name of the token (`TokenOwner.secret`). All tokens change with the generation.
    Format: kubernetes.io/docs/reference/access-authn-authz/bootstrap-tokens.
    """
    text = (
        base64.b32encode(_derive_bytes(private_key, f"bootstrap token {generation} {owner}")).decode().lower()
    )
    return f"{text[:6]}.{text[6:22]}"


def encryption_key(private_key: str) -> str:
    """Return a key of 32 bytes for secretbox, in base64."""
    return base64.b64encode(_derive_bytes(private_key, "encryption at rest")).decode()


def payload_salt(private_key: str) -> str:
    """Return a text with 256 random bits for payloads that contain no key and no token."""
    return _derive_bytes(private_key, "payload salt").hex()


def registry_secret(private_key: str) -> str:
    """Return a text with 256 random bits for the registry, from which salts of its passwords follow."""
    return _derive_bytes(private_key, "image registry").hex()


def _derive_bytes(private_key: str, purpose: str) -> bytes:
    """Return 32 pseudorandom bytes for a purpose, derived from the key by HMAC-SHA256."""
    return hmac.new(private_key.encode(), f"kubewright {purpose}".encode(), hashlib.sha256).digest()
