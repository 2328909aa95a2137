"""The certificate authority of the lab and the certificate of the gateway."""

from __future__ import annotations

import datetime
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from lab.keys import write_atomically
from lab.paths import LabPaths
from lab.spec import LabSpec

AUTHORITY_DAYS = 3650
"""Validity of the certificate of the lab CA, in days."""
LEAF_DAYS = 365
"""Validity of the gateway certificate, in days."""
RENEW_DAYS = 30
"""The gateway certificate is renewed when it is valid for fewer days than this."""


def ensure(spec: LabSpec) -> None:
    """Create the lab CA if it is missing, and the gateway certificate if it is missing or about to expire."""
    paths = LabPaths.of(spec.name)
    paths.gateway.mkdir(parents=True, exist_ok=True)
    if not (paths.ca.exists() and paths.ca_key.exists()):
        _create_authority(spec.name, paths)
        paths.gateway_certificate.unlink(missing_ok=True)
    if not _is_valid(paths.gateway_certificate):
        _create_gateway_certificate(spec, paths)


def _is_valid(certificate: Path) -> bool:
    """Check whether a certificate file exists and is valid for more than `RENEW_DAYS`."""
    if not certificate.exists():
        return False
    parsed = x509.load_pem_x509_certificate(certificate.read_bytes())
    return parsed.not_valid_after_utc - _current_time() > datetime.timedelta(days=RENEW_DAYS)


def _create_authority(lab: str, paths: LabPaths) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"kubewright lab {lab}")])
    certificate = (
        _certificate_builder(name, name, key.public_key(), AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=1), critical=True)
        .add_extension(_key_usage(authority=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    _write_certificate(paths.ca_key, paths.ca, key, certificate)


def _create_gateway_certificate(spec: LabSpec, paths: LabPaths) -> None:
    authority = x509.load_pem_x509_certificate(paths.ca.read_bytes())
    signer = serialization.load_pem_private_key(paths.ca_key.read_bytes(), password=None)
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "gateway")])
    addresses = (spec.gateway, IPv4Address("127.0.0.1"))
    certificate = (
        _certificate_builder(name, authority.subject, key.public_key(), LEAF_DAYS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(address) for address in addresses]), critical=False
        )
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
        .sign(signer, hashes.SHA256())
    )
    _write_certificate(paths.gateway_key, paths.gateway_certificate, key, certificate)


def _certificate_builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        # One hour in the past, so that hosts with a slow clock accept the certificate.
        .not_valid_before(_current_time() - datetime.timedelta(hours=1))
        .not_valid_after(_current_time() + datetime.timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _key_usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def _write_certificate(
    key_path: Path, certificate_path: Path, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate
) -> None:
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    write_atomically(key_path, private.decode(), mode=0o600)
    write_atomically(
        certificate_path, certificate.public_bytes(serialization.Encoding.PEM).decode(), mode=0o644
    )


def _current_time() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
