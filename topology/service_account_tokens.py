"""The documents of the issuer of service account tokens: where they are, and what they contain.

Sources: OpenID Connect Discovery 1.0, RFC 7517 (JSON Web Keys), and pkg/serviceaccount/openidmetadata.go of
Kubernetes, whose API servers serve the same documents.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Sequence

DISCOVERY_PATH = ".well-known/openid-configuration"
"""Path of the discovery document below the URL of the issuer."""
JWKS_PATH = "openid/v1/jwks"
"""Path of the keys below the URL of the issuer."""
PUBLIC_DOCUMENTS = (DISCOVERY_PATH, JWKS_PATH)
"""Paths of the public documents."""
_PEM = re.compile(r"-----BEGIN PUBLIC KEY-----\s+([A-Za-z0-9+/=\s]+?)\s+-----END PUBLIC KEY-----")
_P256_PREFIX = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")
"""The DER encoding of a P-256 public key up to its uncompressed point (RFC 5480)."""
_COORDINATE_BYTES = 32
_RSA_ALGORITHM = bytes.fromhex("300d06092a864886f70d0101010500")
"""The DER encoding of the algorithm of an RSA public key (RFC 8017, appendix A.1)."""


def jwks_url(issuer: str) -> str:
    """Return the URL of the published keys of an issuer."""
    return f"{issuer}/{JWKS_PATH}"


def discovery_document(issuer: str, algorithms: Sequence[str] = ("ES256",)) -> str:
    """Return the discovery document of an issuer with this URL, as JSON.

    `algorithms` are the algorithms of its keys (see `signing_algorithms`).
    """
    return _to_json(
        {
            "issuer": issuer,
            "jwks_uri": jwks_url(issuer),
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": list(algorithms),
        }
    )


def signing_algorithms(pems: str) -> list[str]:
    """Return the algorithms of public keys in PEM, sorted: ES256 for P-256, RS256 for RSA.

    Raise ValueError as `key_set` does.
    """
    return sorted({key["alg"] for key in _json_web_keys(pems)})


def key_set(pems: str) -> str:
    """Return the JSON Web Key Set of P-256 and RSA public keys, as JSON.

    `pems` are the keys in PEM, one after another. Raise ValueError for other text and other kinds of keys.
    """
    return _to_json({"keys": _json_web_keys(pems)})


def _json_web_keys(pems: str) -> list[dict[str, str]]:
    keys = [base64.b64decode(text) for text in _PEM.findall(pems)]
    if not keys or len(keys) != pems.count("-----BEGIN"):
        raise ValueError("not public keys in PEM")
    return [_json_web_key(key) for key in keys]


def _json_web_key(der: bytes) -> dict[str, str]:
    """Return a key as Kubernetes publishes it. The key's id is the header `kid` of tokens."""
    key = {"use": "sig", "kid": _encode(hashlib.sha256(der).digest())}
    point = der.removeprefix(_P256_PREFIX)
    if len(point) == 2 * _COORDINATE_BYTES:
        x, y = point[:_COORDINATE_BYTES], point[_COORDINATE_BYTES:]
        return {**key, "kty": "EC", "crv": "P-256", "alg": "ES256", "x": _encode(x), "y": _encode(y)}
    content, _ = _read_der(der)
    if not content.startswith(_RSA_ALGORITHM):
        raise ValueError("neither a P-256 key nor an RSA key")
    modulus, exponent = _rsa_numbers(content.removeprefix(_RSA_ALGORITHM))
    return {**key, "kty": "RSA", "alg": "RS256", "n": _encode(modulus), "e": _encode(exponent)}


def _rsa_numbers(der: bytes) -> tuple[bytes, bytes]:
    """Return modulus and exponent from the part of a public key after its algorithm: a bit string."""
    bits, _ = _read_der(der)
    numbers, _ = _read_der(bits.removeprefix(b"\0"))
    modulus, rest = _read_der(numbers)
    exponent, _ = _read_der(rest)
    return modulus.lstrip(b"\0"), exponent.lstrip(b"\0")


def _read_der(der: bytes) -> tuple[bytes, bytes]:
    """Return the content of the first value in DER, and what follows the value."""
    start, length = 2, der[1]
    if length & 0x80:
        start += length & 0x7F
        length = int.from_bytes(der[2:start], "big")
    return der[start : start + length], der[start + length :]


def _encode(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _to_json(document: object) -> str:
    """Return JSON with a line for each value, so that a preview shows a changed key as changed lines."""
    return json.dumps(document, indent=1) + "\n"
