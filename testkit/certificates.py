"""Certificates with their keys, for servers and clients in tests."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_LOOPBACK = IPv4Address("127.0.0.1")


@dataclass(frozen=True)
class CertificateAndKey:
    """A certificate and its private key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def certificate_pem(self) -> bytes:
        """Return the certificate in PEM format."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        """Return the private key in PEM format."""
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )


def issue_certificate(
    name: str,
    *,
    organization: str = "",
    issuer: CertificateAndKey | None = None,
    server: bool = False,
    address: IPv4Address = _LOOPBACK,
    valid_for: timedelta = timedelta(days=1),
) -> CertificateAndKey:
    """Generate a private key and issue a certificate for it.

    `name` and `organization` are the subject. Without `issuer`, the certificate is a self-signed CA. With
    `server`, it is a server certificate for localhost and `address`, otherwise a client certificate.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, name)]
    if organization:
        attributes.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
    subject, now = x509.Name(attributes), datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - max(timedelta(minutes=5), -2 * valid_for))
        .not_valid_after(now + valid_for)
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
    )
    if issuer:
        usage = ExtendedKeyUsageOID.SERVER_AUTH if server else ExtendedKeyUsageOID.CLIENT_AUTH
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    if server:
        names = [x509.DNSName("localhost"), x509.IPAddress(address)]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return CertificateAndKey(builder.sign(issuer.key if issuer else key, hashes.SHA256()), key)
