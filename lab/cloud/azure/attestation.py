"""Attested documents of the emulated metadata service: a document about a machine, signed by the cloud.

As in the real service, a document contains the certificate of its signer, and the certificate contains the
address of the certificate of its issuer.

https://learn.microsoft.com/azure/virtual-machines/instance-metadata-service#attested-data
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from lab.paths import LabPaths

ISSUER_PATH = "/pkiops/certs/issuer.crt"
"""The path of the certificate of the signer's issuer, which any client may read."""
SIGNER_NAME = "lab.metadata.azure.com"
LIFETIME = timedelta(hours=6)
_NONCE = re.compile("[A-Za-z0-9]{1,32}")
_DAYS = 365


@dataclass(frozen=True, kw_only=True)
class Attestation:
    """The signer of documents. `issuer` is the certificate of its issuer."""

    key: rsa.RSAPrivateKey
    certificate: x509.Certificate
    issuer: x509.Certificate

    @classmethod
    def of(cls, paths: LabPaths, url: str) -> Attestation:
        """Return a new signer, whose issuer the CA of a lab has certified. `url` is that of the service."""
        key = serialization.load_pem_private_key(paths.ca_key.read_bytes(), password=None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        return cls.create(x509.load_pem_x509_certificate(paths.ca.read_bytes()), key, url)

    @classmethod
    def create(
        cls,
        root: x509.Certificate,
        root_key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey,
        url: str,
        name: str = SIGNER_NAME,
    ) -> Attestation:
        """Return a new signer with a name, whose issuer `root` has certified."""
        issuer_key = ec.generate_private_key(ec.SECP256R1())
        issuer = (
            _builder("Kubewright Lab Metadata Issuer", root.subject, issuer_key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(root_key, hashes.SHA256())
        )
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        usages = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
        location = x509.UniformResourceIdentifier(f"{url}{ISSUER_PATH}")
        access = x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, location)
        certificate = (
            _builder(name, issuer.subject, key.public_key())
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .add_extension(usages, critical=False)
            .add_extension(x509.AuthorityInformationAccess([access]), critical=False)
            .sign(issuer_key, hashes.SHA256())
        )
        return cls(key=key, certificate=certificate, issuer=issuer)

    @property
    def issuer_der(self) -> bytes:
        """The certificate of the issuer in the format in which authorities publish it."""
        return self.issuer.public_bytes(serialization.Encoding.DER)

    def sign(self, machine: str, subscription: str, nonce: str) -> bytes:
        """Return the signed document of a machine (its unique id)."""
        return self.sign_content(json.dumps(document_content(machine, subscription, nonce)).encode())

    def sign_content(self, content: bytes) -> bytes:
        """Return any content with the signature."""
        return (
            pkcs7.PKCS7SignatureBuilder()
            .set_data(content)
            .add_signer(self.certificate, self.key, hashes.SHA256())
            .sign(serialization.Encoding.DER, [pkcs7.PKCS7Options.Binary])
        )


def document_content(machine: str, subscription: str, nonce: str) -> dict[str, object]:
    """Return the content of the document of a machine (its unique id)."""
    created = datetime.now(UTC)
    return {
        "licenseType": "",
        "nonce": nonce or created.strftime("%Y%m%d-%H%M%S"),
        "plan": {"name": "", "product": "", "publisher": ""},
        "sku": "13-gen2",
        "subscriptionId": subscription,
        "timeStamp": {"createdOn": _format(created), "expiresOn": _format(created + LIFETIME)},
        "vmId": machine,
    }


def is_nonce(text: str) -> bool:
    """Check whether the service accepts a nonce: up to 32 letters and digits (Azure/azure-rest-api-specs)."""
    return _NONCE.fullmatch(text) is not None


def _builder(
    name: str, issuer: x509.Name, key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=_DAYS))
    )


def _format(time: datetime) -> str:
    return time.strftime("%m/%d/%y %H:%M:%S -0000")
