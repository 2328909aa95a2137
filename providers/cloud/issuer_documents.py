"""The documents of the issuer of service account tokens, from the public keys of the cluster.

Sources: OpenID Connect Discovery 1.0, RFC 7517 (JSON Web Keys), and pkg/serviceaccount/openidmetadata.go of
Kubernetes, whose API servers serve the same documents.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Sequence

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from topology.service_account_tokens import jwks_url

_PEM = re.compile(r"-----BEGIN PUBLIC KEY-----.*?-----END PUBLIC KEY-----", re.DOTALL)
_COORDINATE_BYTES = 32


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
    texts = _PEM.findall(pems)
    if not texts or len(texts) != pems.count("-----BEGIN"):
        raise ValueError("not public keys in PEM")
    return [_json_web_key(text) for text in texts]


def _json_web_key(pem: str) -> dict[str, str]:
    """Return a key as Kubernetes publishes it. The key's id is the header `kid` of tokens."""
    key = load_pem_public_key(pem.encode())
    digest = hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()
    published = {"use": "sig", "kid": _encode(digest)}
    if isinstance(key, rsa.RSAPublicKey):
        n, e = (_encode(_to_bytes(number)) for number in (key.public_numbers().n, key.public_numbers().e))
        return {**published, "kty": "RSA", "alg": "RS256", "n": n, "e": e}
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        point = key.public_numbers()
        x, y = (_encode(number.to_bytes(_COORDINATE_BYTES, "big")) for number in (point.x, point.y))
        return {**published, "kty": "EC", "crv": "P-256", "alg": "ES256", "x": x, "y": y}
    raise ValueError("neither a P-256 key nor an RSA key")


def _to_bytes(number: int) -> bytes:
    """Return a number without leading zero bytes, as numbers of RSA keys are published (RFC 7518)."""
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def _encode(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _to_json(document: object) -> str:
    """Return JSON with a line for each value, so that a preview shows a changed key as changed lines."""
    return json.dumps(document, indent=1) + "\n"
