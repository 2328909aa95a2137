"""Verification of service account tokens by the documents of their issuer, as the clouds verify them.

Source: OpenID Connect Discovery 1.0.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import jwt

Read = Callable[[str], bytes]
"""Function that returns the public document at a URL. It raises TokenRefused if there is no such document."""
_ALGORITHMS = ("ES256", "RS256")


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
    # The callers compare the audience.
    options: jwt.types.Options = {"require": ["exp"], "verify_aud": False}
    try:
        return jwt.decode(token, jwt.PyJWK(key), _ALGORITHMS, options)
    except jwt.ExpiredSignatureError:
        raise TokenRefused("the token has expired", expired=True) from None
    except jwt.ImmatureSignatureError:
        raise TokenRefused("the token is not valid yet") from None
    except jwt.InvalidSignatureError:
        raise TokenRefused("the signature is not that of the issuer's key") from None
    except jwt.InvalidAlgorithmError:
        raise TokenRefused(f"the algorithm {header.get('alg')} is not emulated") from None
    except jwt.InvalidTokenError as error:
        raise TokenRefused(str(error)) from None


def unverified_parts(token: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return the header and the claims of a token. Raise TokenRefused for text that is no token."""
    try:
        parts = jwt.decode_complete(token, options={"verify_signature": False})
    except jwt.InvalidTokenError:
        raise TokenRefused("not a JSON Web Token") from None
    return parts["header"], parts["payload"]
