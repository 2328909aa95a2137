"""Tests of private keys, certificate requests and certificates of the tls plugin."""

import base64
import hashlib
import ipaddress
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.verification import PolicyBuilder, Store

from lab.plugins.runtime.diff import Diff
from lab.plugins.runtime.errors import CheckError, PluginError
from lab.plugins.runtime.log import EngineLog
from lab.plugins.runtime.values import UNKNOWN, Properties, contains_secret, reveal
from lab.plugins.tls.inputs import LOCALLY_SIGNED, PRIVATE_KEY, REQUEST, SELF_SIGNED
from lab.plugins.tls.provider import TlsProvider
from tests.unit.lab.plugins.command.plugin import run

PROVIDER = TlsProvider(EngineLog(""))
CA = {
    "subject": {"commonName": "root", "organization": "kubewright"},
    "isCaCertificate": True,
    "allowedUses": ["cert_signing", "crl_signing", "digital_signature"],
    "validityPeriodHours": 48,
}
LEAF = {"allowedUses": ["digital_signature", "server_auth", "client_auth"], "validityPeriodHours": 24}


def urn(token: str) -> str:
    return f"urn:pulumi:dev::kubewright::{token}::thing"


def check(token: str, inputs: Mapping[str, Any]) -> Properties:
    """Return the checked inputs of a resource."""
    return run(PROVIDER.check(urn(token), {}, dict(inputs), b""))


def create(token: str, inputs: Mapping[str, Any], *, preview: bool = False) -> tuple[str, Properties]:
    """Create a resource; return its id and state."""
    return run(PROVIDER.create(urn(token), check(token, inputs), preview=preview, timeout=0))


def create_outputs(token: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Create a resource; return its state without `Secret` wrappers."""
    return dict(reveal(create(token, inputs)[1]))


def diff(token: str, state: Properties, inputs: Mapping[str, Any]) -> Diff:
    """Compare a state with new inputs."""
    return run(PROVIDER.diff(urn(token), state, {}, check(token, inputs), []))


def new_key(algorithm: str = "ECDSA", **more: object) -> str:
    """Return a new private key in PEM format."""
    if algorithm == "ECDSA":
        more = {"ecdsaCurve": "P256"} | more
    return str(create_outputs(PRIVATE_KEY, {"algorithm": algorithm, **more})["privateKeyPem"])


def parse_certificate(state: Mapping[str, Any]) -> x509.Certificate:
    return x509.load_pem_x509_certificate(state["certPem"].encode())


def create_authority(key: str, **more: object) -> dict[str, Any]:
    """Create a self-signed CA certificate; return the state of the resource."""
    return create_outputs(SELF_SIGNED, CA | {"privateKeyPem": key} | more)


def create_leaf(
    ca: Mapping[str, Any], ca_key: str, request: dict[str, Any], **more: object
) -> x509.Certificate:
    """Create a certificate for a request, signed by a CA."""
    request_pem = create_outputs(REQUEST, request | {"privateKeyPem": new_key()})["certRequestPem"]
    signer = {"certRequestPem": request_pem, "caCertPem": ca["certPem"], "caPrivateKeyPem": ca_key}
    return parse_certificate(create_outputs(LOCALLY_SIGNED, LEAF | signer | more))


@pytest.mark.parametrize(
    ("inputs", "header", "line"),
    [
        ({"algorithm": "RSA"}, "RSA PRIVATE KEY", "ssh-rsa "),
        ({"algorithm": "ECDSA", "ecdsaCurve": "P256"}, "EC PRIVATE KEY", "ecdsa-sha2-nistp256 "),
        ({"algorithm": "ECDSA", "ecdsaCurve": "P384"}, "EC PRIVATE KEY", "ecdsa-sha2-nistp384 "),
        ({"algorithm": "ECDSA", "ecdsaCurve": "P521"}, "EC PRIVATE KEY", "ecdsa-sha2-nistp521 "),
        ({"algorithm": "ED25519"}, "PRIVATE KEY", "ssh-ed25519 "),
    ],
)
def test_key_in_all_output_formats(inputs: dict[str, Any], header: str, line: str) -> None:
    state = create_outputs(PRIVATE_KEY, inputs)
    assert state["privateKeyPem"].startswith(f"-----BEGIN {header}-----\n")
    assert state["privateKeyPemPkcs8"].startswith("-----BEGIN PRIVATE KEY-----\n")
    assert state["privateKeyOpenssh"].startswith("-----BEGIN OPENSSH PRIVATE KEY-----\n")
    keys = [
        serialization.load_pem_private_key(state["privateKeyPem"].encode(), None),
        serialization.load_pem_private_key(state["privateKeyPemPkcs8"].encode(), None),
        serialization.load_ssh_private_key(state["privateKeyOpenssh"].encode(), None),
    ]
    public = serialization.load_pem_public_key(state["publicKeyPem"].encode())
    assert all(key.public_key() == public for key in keys)
    assert state["publicKeyOpenssh"].startswith(line)
    assert state["publicKeyOpenssh"].endswith("\n")
    digest = hashlib.sha256(base64.b64decode(state["publicKeyOpenssh"].split()[1])).digest()
    assert state["publicKeyFingerprintSha256"] == "SHA256:" + base64.b64encode(digest).decode().rstrip("=")
    assert state["publicKeyFingerprintMd5"].count(":") == 15


def test_default_curve_has_no_openssh_format() -> None:
    state = create_outputs(PRIVATE_KEY, {"algorithm": "ECDSA"})
    assert (state["ecdsaCurve"], state["rsaBits"], state["publicKeyOpenssh"]) == ("P224", 2048, "")


def test_only_private_keys_are_secret() -> None:
    _, state = create(PRIVATE_KEY, {"algorithm": "ED25519"})
    secret = {name for name, value in state.items() if contains_secret(value)}
    assert secret == {"privateKeyPem", "privateKeyPemPkcs8", "privateKeyOpenssh"}
    _, signed = create(SELF_SIGNED, CA | {"privateKeyPem": reveal(state["privateKeyPem"])})
    assert {name for name, value in signed.items() if contains_secret(value)} == {"privateKeyPem"}


def test_id_of_a_key_does_not_depend_on_its_format() -> None:
    identity, state = create(PRIVATE_KEY, {"algorithm": "RSA"})
    args = {"privateKeyOpenssh": state["privateKeyOpenssh"]}
    result = run(PROVIDER.invoke("tls:index/getPublicKey:getPublicKey", args, preview=False))
    assert result["id"] == identity
    assert result["publicKeyPem"] == state["publicKeyPem"]


def test_verifier_accepts_the_chain() -> None:
    key = new_key()
    ca = create_authority(key)
    certificate = create_leaf(
        ca,
        key,
        {
            "subject": {"commonName": "kube-apiserver", "organization": "o", "organizationalUnit": "u"},
            "dnsNames": ["kubernetes", "localhost"],
            "ipAddresses": ["127.0.0.1", "fd00::1"],
            "uris": ["spiffe://a/b"],
        },
    )
    store = Store([parse_certificate(ca)])
    for subject in (x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("fd00::1"))):
        PolicyBuilder().store(store).build_server_verifier(subject).verify(certificate, [])
    verified = PolicyBuilder().store(store).build_client_verifier().verify(certificate, [])
    assert verified.chain == [certificate, parse_certificate(ca)]
    assert certificate.subject.rfc4514_string() == "CN=kube-apiserver,OU=u,O=o"
    assert certificate.issuer.rfc4514_string() == "CN=root,O=kubewright"


def test_verifier_refuses_another_authority() -> None:
    key = new_key()
    certificate = create_leaf(create_authority(key), key, {"dnsNames": ["localhost"]})
    store = Store([parse_certificate(create_authority(new_key()))])
    with pytest.raises(x509.verification.VerificationError):
        PolicyBuilder().store(store).build_server_verifier(x509.DNSName("localhost")).verify(certificate, [])


def test_certificate_has_the_expected_extensions() -> None:
    key = new_key()
    ca = create_authority(key, maxPathLength=0)
    certificate = create_leaf(ca, key, {"subject": {"commonName": "x"}}, setSubjectKeyId=True)
    subject_key = parse_certificate(ca).extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    constraints = parse_certificate(ca).extensions.get_extension_for_class(x509.BasicConstraints)
    assert (constraints.critical, constraints.value.ca, constraints.value.path_length) == (True, True, 0)
    authority_key = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    assert authority_key.key_identifier == subject_key.digest
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage)
    assert (usage.critical, usage.value.digital_signature, usage.value.key_cert_sign) == (True, True, False)
    assert certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier) is not None
    assert certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False
    extended = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert [usage.dotted_string for usage in extended] == ["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"]


def test_alternative_names_are_critical_without_a_subject() -> None:
    key = new_key()
    certificate = create_leaf(create_authority(key), key, {"dnsNames": ["a"]})
    assert certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).critical is True


@pytest.mark.parametrize("algorithm", ["RSA", "ED25519"])
def test_authority_with_another_key_algorithm(algorithm: str) -> None:
    key = new_key(algorithm)
    ca = create_authority(key)
    assert ca["keyAlgorithm"] == algorithm
    create_leaf(ca, key, {"dnsNames": ["a"]}).verify_directly_issued_by(parse_certificate(ca))


def test_validity_and_due_renewal() -> None:
    state = create_authority(new_key(), validityPeriodHours=10, earlyRenewalHours=11)
    certificate = parse_certificate(state)
    assert certificate.not_valid_after_utc - certificate.not_valid_before_utc == timedelta(hours=10)
    assert state["validityEndTime"] == certificate.not_valid_after_utc.isoformat().replace("+00:00", "Z")
    assert state["readyForRenewal"] is True
    assert create_authority(new_key())["readyForRenewal"] is False


def test_changed_resource_is_replaced_and_unchanged_one_has_no_diff() -> None:
    inputs = CA | {"privateKeyPem": new_key(), "dnsNames": []}
    _, state = create(SELF_SIGNED, inputs)
    assert diff(SELF_SIGNED, state, inputs).changes == {}
    changed = diff(SELF_SIGNED, state, inputs | {"subject": {"commonName": "other"}, "dnsNames": ["a"]})
    assert changed.replaces == ["dnsNames", "subject"]
    assert diff(SELF_SIGNED, state, inputs | {"privateKeyPem": UNKNOWN}).replaces == ["privateKeyPem"]


def test_early_renewal_hours_change_in_place() -> None:
    inputs = CA | {"privateKeyPem": new_key()}
    _, state = create(SELF_SIGNED, inputs)
    changed = inputs | {"earlyRenewalHours": 1000}
    result = diff(SELF_SIGNED, state, changed)
    assert (result.changed, result.replaces) == (["earlyRenewalHours"], [])
    news = check(SELF_SIGNED, changed)
    updated = run(PROVIDER.update(urn(SELF_SIGNED), state, {}, news, preview=False, timeout=0))
    assert updated["certPem"] == state["certPem"]
    assert updated["readyForRenewal"] is True


def test_preview_has_inputs_and_defaults_only() -> None:
    _, state = create(SELF_SIGNED, CA | {"privateKeyPem": UNKNOWN}, preview=True)
    assert state["certPem"] is UNKNOWN
    assert state["subject"] == CA["subject"]
    assert state["earlyRenewalHours"] == 0


@pytest.mark.parametrize(
    ("token", "inputs", "field"),
    [
        (PRIVATE_KEY, {}, "algorithm"),
        (PRIVATE_KEY, {"algorithm": "DSA"}, "algorithm"),
        (PRIVATE_KEY, {"algorithm": "ECDSA", "ecdsaCurve": "P-256"}, "ecdsaCurve"),
        (SELF_SIGNED, CA, "privateKeyPem"),
        (SELF_SIGNED, CA | {"privateKeyPem": "k", "allowedUses": ["sign"]}, "allowedUses"),
        (SELF_SIGNED, CA | {"privateKeyPem": "k", "validityPeriodHours": -1}, "validityPeriodHours"),
        (SELF_SIGNED, CA | {"privateKeyPem": "k", "ipAddresses": ["10.0.0.256"]}, "ipAddresses"),
        (SELF_SIGNED, CA | {"privateKeyPem": "k", "dns": ["a"]}, "dns"),
        (LOCALLY_SIGNED, LEAF | {"caPrivateKeyPem": "k", "caCertPem": "c"}, "certRequestPem"),
    ],
)
def test_error_names_the_wrong_input(token: str, inputs: Mapping[str, Any], field: str) -> None:
    with pytest.raises(CheckError) as caught:
        check(token, inputs)
    assert [failure.field for failure in caught.value.failures] == [field]


def test_error_of_an_unusable_key_or_certificate_hides_the_content() -> None:
    with pytest.raises(PluginError, match="privateKeyPem: not a private key") as caught:
        create(SELF_SIGNED, CA | {"privateKeyPem": "swordfish"})
    assert "swordfish" not in str(caught.value)
    key = new_key()
    with pytest.raises(PluginError, match="does not belong"):
        create_leaf(create_authority(key), new_key(), {"dnsNames": ["a"]})
    with pytest.raises(PluginError, match="certRequestPem"):
        create_outputs(
            LOCALLY_SIGNED,
            LEAF
            | {"certRequestPem": "x", "caCertPem": create_authority(key)["certPem"], "caPrivateKeyPem": key},
        )
