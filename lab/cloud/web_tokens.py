"""Verification of service account tokens by the documents of their issuer, as the clouds verify them.

Sources: RFC 7515 (JSON Web Signature), RFC 7519 (JSON Web Token), OpenID Connect Discovery 1.0.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

Read = Callable[[str], bytes]
"""Function that returns the public document at a URL. It raises TokenRefused if there is no such document."""
_ALGORITHMS = ("ES256", "RS256")
_NUMBER_BYTES = 32


class TokenRefused(Exception):
    """Error for a token that is not valid, with the reason. `expired` is true for a token that was valid."""

    def __init__(self, message: str, *, expired: bool = False) -> None:
        super().__init__(message)
        self.expired = expired


def unverified_issuer(token: str) -> str:
    """Return the issuer that a token names. Raise TokenRefused for text that is no token."""
    return str(unverified_parts(token)[1].get("iss", ""))


def verified_claims(token: str, read: Read) -> Mapping[str, Any]:
    """Return the claims of a token whose signature and times are valid. Raise TokenRefused."""
    header, claims = unverified_parts(token)
    issuer = str(claims.get("iss", ""))
    discovery = json.loads(read(f"{issuer}/.well-known/openid-configuration"))
    if discovery["issuer"] != issuer:
        raise TokenRefused(f"the discovery document is that of another issuer, {discovery['issuer']}")
    keys = json.loads(read(discovery["jwks_uri"]))["keys"]
    key = next((item for item in keys if item["kid"] == header.get("kid")), None)
    if key is None:
        raise TokenRefused(f"the issuer publishes no key {header.get('kid')}")
    if header.get("alg") not in _ALGORITHMS or key["alg"] != header["alg"]:
        raise TokenRefused(f"the algorithm {header.get('alg')} is not emulated")
    _verify_signature(token, key)
    now = time.time()
    if now >= claims.get("exp", 0):
        raise TokenRefused("the token has expired", expired=True)
    if now < claims.get("nbf", 0):
        raise TokenRefused("the token is not valid yet")
    return claims


def unverified_parts(token: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return the header and the claims of a token. Raise TokenRefused for text that is no token."""
    parts = token.split(".")
    try:
        header, claims = (json.loads(_decode(part)) for part in parts[:2])
    except ValueError:
        raise TokenRefused("not a JSON Web Token") from None
    if len(parts) != 3 or not isinstance(header, dict) or not isinstance(claims, dict):
        raise TokenRefused("not a JSON Web Token")
    return header, claims


def _verify_signature(token: str, key: Mapping[str, str]) -> None:
    content, _, signature = token.rpartition(".")
    verify = _verify_rsa if key["alg"] == "RS256" else _verify_ecdsa
    try:
        verify(key, content.encode(), _decode(signature))
    except (InvalidSignature, ValueError):
        raise TokenRefused("the signature is not that of the issuer's key") from None


def _verify_rsa(key: Mapping[str, str], content: bytes, signature: bytes) -> None:
    numbers = rsa.RSAPublicNumbers(_number(key["e"]), _number(key["n"]))
    numbers.public_key().verify(signature, content, padding.PKCS1v15(), hashes.SHA256())


def _verify_ecdsa(key: Mapping[str, str], content: bytes, signature: bytes) -> None:
    if len(signature) != 2 * _NUMBER_BYTES:
        raise ValueError
    first, second = signature[:_NUMBER_BYTES], signature[_NUMBER_BYTES:]
    encoded = encode_dss_signature(int.from_bytes(first, "big"), int.from_bytes(second, "big"))
    numbers = ec.EllipticCurvePublicNumbers(_number(key["x"]), _number(key["y"]), ec.SECP256R1())
    numbers.public_key().verify(encoded, content, ec.ECDSA(hashes.SHA256()))


def _number(text: str) -> int:
    return int.from_bytes(_decode(text), "big")


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
