"""Tests of the tls plugin: keys, requests and certificates."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from lab.plugins.runtime.values import UNKNOWN, reveal
from testkit.plugin_process import CreatedResource, OperationFailed, Plugin

KEY = "tls:index/privateKey:PrivateKey"
REQUEST = "tls:index/certRequest:CertRequest"
ROOT = "tls:index/selfSignedCert:SelfSignedCert"
LEAF = "tls:index/locallySignedCert:LocallySignedCert"
ECDSA = {"algorithm": "ECDSA", "ecdsaCurve": "P256"}


def make_key(tls: Plugin, **inputs: object) -> CreatedResource:
    return tls.create(KEY, inputs or ECDSA)


def root_inputs(tls: Plugin, **changes: object) -> dict[str, Any]:
    return {
        "privateKeyPem": reveal(make_key(tls).state["privateKeyPem"]),
        "subject": {"commonName": "root"},
        "isCaCertificate": True,
        "allowedUses": ["cert_signing"],
        "validityPeriodHours": 24,
    } | changes


@pytest.mark.parametrize(
    ("inputs", "head"),
    [
        (ECDSA, "-----BEGIN EC PRIVATE KEY-----"),
        ({"algorithm": "RSA"}, "-----BEGIN RSA PRIVATE KEY-----"),
        ({"algorithm": "ED25519"}, "-----BEGIN PRIVATE KEY-----"),
    ],
    ids=["ECDSA", "RSA", "ED25519"],
)
def test_form_of_a_private_key(tls: Plugin, inputs: dict[str, str], head: str) -> None:
    state = make_key(tls, **inputs).state
    text = str(reveal(state["privateKeyPem"]))
    assert text.startswith(head)
    assert load_pem_private_key(text.encode(), None)
    assert str(reveal(state["privateKeyPemPkcs8"])).startswith("-----BEGIN PRIVATE KEY-----")


def test_default_size_of_an_rsa_key(tls: Plugin) -> None:
    assert make_key(tls, algorithm="RSA").state["rsaBits"] == 2048


def test_default_curve_has_no_openssh_form(tls: Plugin) -> None:
    state = make_key(tls, algorithm="ECDSA").state
    assert state["ecdsaCurve"] == "P224"
    assert state["publicKeyOpenssh"] == ""


def test_public_key_has_a_fingerprint(tls: Plugin) -> None:
    state = make_key(tls).state
    assert state["publicKeyOpenssh"].startswith("ecdsa-sha2-nistp256 ")
    assert state["publicKeyFingerprintSha256"].startswith("SHA256:")


def test_unknown_algorithm_is_refused(tls: Plugin) -> None:
    with pytest.raises(OperationFailed):
        tls.check(KEY, {"algorithm": "DSA"})


def test_preview_of_a_certificate_has_no_content(tls: Plugin) -> None:
    assert tls.create(ROOT, root_inputs(tls), preview=True).state.get("certPem") in (None, UNKNOWN)


def test_root_certificate(tls: Plugin) -> None:
    state = tls.create(ROOT, root_inputs(tls)).state
    certificate = x509.load_pem_x509_certificate(state["certPem"].encode())
    assert certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    validity = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    assert validity == timedelta(hours=24)
    assert certificate.not_valid_after_utc > datetime.now(UTC)
    assert state["readyForRenewal"] is False


def test_leaf_has_the_names_of_its_request_and_the_signature_of_the_authority(tls: Plugin) -> None:
    authority = root_inputs(tls)
    root = tls.create(ROOT, authority).state
    key = reveal(make_key(tls).state["privateKeyPem"])
    request = tls.create(
        REQUEST, {"privateKeyPem": key, "dnsNames": ["localhost"], "ipAddresses": ["127.0.0.1"]}
    ).state
    leaf = tls.create(
        LEAF,
        {
            "certRequestPem": request["certRequestPem"],
            "caPrivateKeyPem": authority["privateKeyPem"],
            "caCertPem": root["certPem"],
            "allowedUses": ["server_auth"],
            "validityPeriodHours": 12,
        },
    ).state
    certificate = x509.load_pem_x509_certificate(leaf["certPem"].encode())
    certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(root["certPem"].encode()))
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]


@pytest.mark.parametrize(
    ("change", "changed", "replaces"),
    [
        ({}, False, False),
        ({"subject": {"commonName": "other"}}, True, True),
        ({"validityPeriodHours": 48}, True, True),
        ({"earlyRenewalHours": 1}, True, False),
    ],
    ids=["nothing", "subject", "validity", "early renewal"],
)
def test_change_of_a_certificate(tls: Plugin, change: dict[str, Any], changed: bool, replaces: bool) -> None:
    inputs = root_inputs(tls)
    difference = tls.diff(ROOT, tls.create(ROOT, inputs), inputs | change)
    assert (difference.changed, difference.replaces) == (changed, replaces)


def test_changed_algorithm_replaces_a_key(tls: Plugin) -> None:
    assert tls.diff(KEY, make_key(tls), {"algorithm": "RSA"}).replaces


def test_refresh_keeps_a_key(tls: Plugin) -> None:
    created = make_key(tls)
    assert reveal(tls.read(KEY, created)["privateKeyPem"]) == reveal(created.state["privateKeyPem"])


def test_function_returns_the_public_key(tls: Plugin) -> None:
    state = make_key(tls).state
    text = reveal(state["privateKeyPem"])
    result = tls.invoke("tls:index/getPublicKey:getPublicKey", {"privateKeyPem": text})
    assert result["publicKeyPem"] == state["publicKeyPem"]
