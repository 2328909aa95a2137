"""Signed tokens (RFC 7519) as API servers and issuers make them, for tests of programs that verify tokens."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Mapping

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def public_pem(key: Key) -> str:
    """Return the public key in PEM."""
    return _public_key(key, serialization.Encoding.PEM).decode()


def signed_token(key: Key, claims: Mapping[str, object], header: Mapping[str, str] | None = None) -> str:
    """Return a token that is valid for ten minutes unless `claims` differ. `header` replaces parts of it.

    A token with the algorithm `none` in `header` has no signature.
    """
    now = int(time.time())
    algorithm = "RS256" if isinstance(key, rsa.RSAPrivateKey) else "ES256"
    # API servers do not set the type of a token.
    headers = {"typ": "", "alg": algorithm, "kid": _key_id(key), **(header or {})}
    return jwt.encode(
        {"iat": now, "exp": now + 600, **claims},
        "" if headers["alg"] == "none" else key,
        headers=headers,
    )


def _key_id(key: Key) -> str:
    digest = hashlib.sha256(_public_key(key, serialization.Encoding.DER)).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _public_key(key: Key, encoding: serialization.Encoding) -> bytes:
    return key.public_key().public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo)
