"""Signed tokens (RFC 7519) as API servers and issuers make them, for tests of programs that verify tokens."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Mapping

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def public_pem(key: Key) -> str:
    """Return the public key in PEM."""
    encoding, kind = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(encoding, kind).decode()


def signed_token(key: Key, claims: Mapping[str, object], header: Mapping[str, str] | None = None) -> str:
    """Return a token that is valid for ten minutes unless `claims` differ. `header` replaces parts of it."""
    der = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    now = int(time.time())
    algorithm = "RS256" if isinstance(key, rsa.RSAPrivateKey) else "ES256"
    parts = {"alg": algorithm, "kid": _encode(hashlib.sha256(der).digest()), **(header or {})}
    content = ".".join(
        _encode(json.dumps(item).encode()) for item in (parts, {"iat": now, "exp": now + 600, **claims})
    )
    return f"{content}.{_encode(_sign(key, content.encode()))}"


def _sign(key: Key, content: bytes) -> bytes:
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(content, padding.PKCS1v15(), hashes.SHA256())
    # RFC 7518, section 3.4: both numbers of the signature, 32 bytes each.
    numbers = decode_dss_signature(key.sign(content, ec.ECDSA(hashes.SHA256())))
    return b"".join(number.to_bytes(32, "big") for number in numbers)


def _encode(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")
