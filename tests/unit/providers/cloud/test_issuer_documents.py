"""Tests of the documents of the issuer of service account tokens, with an independent reader of keys."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from lab.cloud.web_tokens import TokenRefused, verified_claims
from providers.cloud.issuer_documents import discovery_document, key_set, signing_algorithms
from testkit.service_account_tokens import Key, public_pem, signed_token
from tests.unit.components.graph import PUBLIC_KEY, PUBLIC_KEY_ID
from topology.service_account_tokens import jwks_url

ISSUER = "https://issuer.example.com/prod"


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def published_keys(pems: str) -> list[dict[str, Any]]:
    keys: list[dict[str, Any]] = json.loads(key_set(pems))["keys"]
    return keys


def new_rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@pytest.mark.parametrize("new_key", [new_key, new_rsa_key])
def test_a_token_is_verified_with_the_published_key(new_key: Callable[[], Key]) -> None:
    key = new_key()
    documents = {
        f"{ISSUER}/.well-known/openid-configuration": discovery_document(ISSUER),
        jwks_url(ISSUER): key_set(public_pem(new_key()) + public_pem(key)),
    }
    token = signed_token(key, {"iss": ISSUER, "sub": "system:serviceaccount:web:reader"})
    claims = verified_claims(token, lambda url: documents[url].encode())
    assert claims["sub"] == "system:serviceaccount:web:reader"
    documents[jwks_url(ISSUER)] = key_set(public_pem(new_key()))
    with pytest.raises(TokenRefused, match="publishes no key"):
        verified_claims(token, lambda url: documents[url].encode())


def test_signature_of_another_key_is_refused() -> None:
    key, other = new_rsa_key(), new_rsa_key()
    kid = published_keys(public_pem(key))[0]["kid"]
    documents = {
        f"{ISSUER}/.well-known/openid-configuration": discovery_document(ISSUER),
        jwks_url(ISSUER): key_set(public_pem(key)),
    }
    token = signed_token(other, {"iss": ISSUER}, {"kid": kid})
    with pytest.raises(TokenRefused, match="not that of the issuer's key"):
        verified_claims(token, lambda url: documents[url].encode())


@pytest.mark.parametrize("bits", [2048, 3072])
def test_rsa_keys_are_published_as_kubernetes_publishes_them(bits: int) -> None:
    key = rsa.generate_private_key(65537, bits)
    [published] = published_keys(public_pem(key))
    assert (published["kty"], published["alg"], published["e"]) == ("RSA", "RS256", "AQAB")
    modulus = base64.urlsafe_b64decode(published["n"] + "==")
    assert int.from_bytes(modulus, "big") == key.public_key().public_numbers().n
    assert len(modulus) == bits // 8


def test_the_discovery_document_names_the_algorithms_of_a_rotation_from_ecdsa_to_rsa() -> None:
    algorithms = signing_algorithms(public_pem(new_key()) + public_pem(new_rsa_key()))
    document = json.loads(discovery_document(ISSUER, algorithms))
    assert document["id_token_signing_alg_values_supported"] == ["ES256", "RS256"]


def test_both_keys_of_a_rotation_are_published_with_the_ids_that_kubernetes_writes_to_tokens() -> None:
    """The id is that of `keyIDFromPublicKey` in pkg/serviceaccount/jwt.go; key and id are from its tests."""
    keys = published_keys(PUBLIC_KEY + public_pem(new_key()))
    assert keys[0]["kid"] == PUBLIC_KEY_ID
    assert len(keys) == 2
    for key in keys:
        assert (key["kty"], key["crv"], key["alg"], key["use"]) == ("EC", "P-256", "ES256", "sig")


def test_the_discovery_document_names_the_issuer_and_its_keys() -> None:
    document = json.loads(discovery_document(ISSUER))
    assert document["issuer"] == ISSUER
    assert document["jwks_uri"] == jwks_url(ISSUER) == "https://issuer.example.com/prod/openid/v1/jwks"
    assert document["id_token_signing_alg_values_supported"] == ["ES256"]


@pytest.mark.parametrize("text", ["", "no key", public_pem(new_key()) + "-----BEGIN PUBLIC KEY-----\nbroken"])
def test_text_without_keys_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not public keys in PEM"):
        key_set(text)


@pytest.mark.parametrize(
    "key",
    [ec.generate_private_key(ec.SECP256K1()), ec.generate_private_key(ec.SECP384R1())],
    ids=["secp256k1", "P-384"],
)
def test_keys_of_other_kinds_are_refused(key: ec.EllipticCurvePrivateKey) -> None:
    with pytest.raises(ValueError, match="neither a P-256 key nor an RSA key"):
        key_set(public_pem(key))
