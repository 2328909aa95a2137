"""Certificate requests and certificates (RFC 5280) with the same content as the official plugin creates."""

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from lab.plugins.runtime.errors import PluginError
from lab.plugins.tls.inputs import EXTENDED_USAGES, KEY_USAGES
from lab.plugins.tls.keys import Key, PublicKey

_SUBJECT = (
    ("country", NameOID.COUNTRY_NAME),
    ("organization", NameOID.ORGANIZATION_NAME),
    ("organizationalUnit", NameOID.ORGANIZATIONAL_UNIT_NAME),
    ("locality", NameOID.LOCALITY_NAME),
    ("province", NameOID.STATE_OR_PROVINCE_NAME),
    ("streetAddresses", NameOID.STREET_ADDRESS),
    ("postalCode", NameOID.POSTAL_CODE),
    ("commonName", NameOID.COMMON_NAME),
    ("serialNumber", NameOID.SERIAL_NUMBER),
    ("emailAddress", NameOID.EMAIL_ADDRESS),
)
"""Fields of the input `subject`, in the order of the distinguished name."""


@dataclass(frozen=True)
class Issuer:
    """The issuer of a certificate: its CA certificate (None for a self-signed certificate) and its private
    key.
    """

    certificate: x509.Certificate | None
    key: Key


def create_request(inputs: Mapping[str, Any], key: Key) -> x509.CertificateSigningRequest:
    """Create a certificate request with the subject and the alternative names in `inputs`, signed by
    `key`.
    """
    subject = _subject_name(inputs.get("subject"))
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    if names := _alternative_names(inputs):
        builder = builder.add_extension(names, critical=not subject.rdns)
    return builder.sign(key, _signature_hash(key))


def create_self_signed(inputs: Mapping[str, Any], key: Key) -> x509.Certificate:
    """Create a self-signed certificate with the subject and the alternative names in `inputs`."""
    return _build_certificate(
        inputs,
        _subject_name(inputs.get("subject")),
        key.public_key(),
        _alternative_names(inputs),
        Issuer(None, key),
    )


def create_locally_signed(inputs: Mapping[str, Any], key: Key) -> x509.Certificate:
    """Create a certificate with the subject, names and key of a certificate request, signed by a CA.

    `key` is the private key of the CA. Raise PluginError for an unreadable request or CA certificate, and
    for a key that does not belong to the CA.
    """
    csr = load_request(inputs["certRequestPem"])
    authority = load_certificate(inputs["caCertPem"])
    public: Any = csr.public_key()
    if authority.public_key() != key.public_key():
        raise PluginError("caPrivateKeyPem: this key does not belong to the certificate caCertPem")
    try:
        names = csr.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        names = None
    return _build_certificate(inputs, csr.subject, public, names, Issuer(authority, key))


def load_request(pem: str) -> x509.CertificateSigningRequest:
    """Read a certificate request in PEM format and verify its signature. Raise PluginError if it is
    invalid.
    """
    try:
        csr = x509.load_pem_x509_csr(pem.encode())
    except ValueError:
        raise PluginError("certRequestPem: not a certificate request in PEM form") from None
    if not csr.is_signature_valid:
        raise PluginError("certRequestPem: the signature of the request is invalid")
    return csr


def load_certificate(pem: str) -> x509.Certificate:
    """Read a CA certificate in PEM format. Raise PluginError if it is unreadable."""
    try:
        return x509.load_pem_x509_certificate(pem.encode())
    except ValueError:
        raise PluginError("caCertPem: not a certificate in PEM form") from None


def to_pem(item: x509.Certificate | x509.CertificateSigningRequest) -> str:
    """Return a certificate or certificate request in PEM format."""
    return item.public_bytes(Encoding.PEM).decode()


def _build_certificate(
    inputs: Mapping[str, Any],
    subject: x509.Name,
    public: PublicKey,
    names: x509.SubjectAlternativeName | None,
    issuer: Issuer,
) -> x509.Certificate:
    start = datetime.now(UTC).replace(microsecond=0)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer.certificate else subject)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(hours=inputs["validityPeriodHours"]))
    )
    for extension, critical in _usage_extensions(inputs["allowedUses"]):
        builder = builder.add_extension(extension, critical)
    builder = builder.add_extension(_basic_constraints(inputs), critical=True)
    for extension in _key_identifiers(inputs, subject, public, issuer):
        builder = builder.add_extension(extension, critical=False)
    if names:
        builder = builder.add_extension(names, critical=not subject.rdns)
    return builder.sign(issuer.key, _signature_hash(issuer.key))


def _usage_extensions(uses: Sequence[str]) -> list[tuple[x509.ExtensionType, bool]]:
    extensions: list[tuple[x509.ExtensionType, bool]] = []
    basic = {KEY_USAGES[use] for use in uses if use in KEY_USAGES}
    if basic:
        extensions.append((x509.KeyUsage(**{name: name in basic for name in KEY_USAGES.values()}), True))
    extended = [x509.ObjectIdentifier(EXTENDED_USAGES[use]) for use in uses if use in EXTENDED_USAGES]
    if extended:
        extensions.append((x509.ExtendedKeyUsage(extended), False))
    return extensions


def _basic_constraints(inputs: Mapping[str, Any]) -> x509.BasicConstraints:
    if not inputs.get("isCaCertificate"):
        return x509.BasicConstraints(ca=False, path_length=None)
    length = inputs.get("maxPathLength", -1)
    return x509.BasicConstraints(ca=True, path_length=None if length < 0 else length)


def _key_identifiers(
    inputs: Mapping[str, Any], subject: x509.Name, public: PublicKey, issuer: Issuer
) -> list[x509.ExtensionType]:
    """Return the extensions that identify keys: the subject key identifier (for CAs, or if the inputs request
    it) and the authority key identifier.
    """
    subject_key = x509.SubjectKeyIdentifier.from_public_key(public)
    identifiers: list[x509.ExtensionType] = []
    if inputs.get("isCaCertificate") or inputs.get("setSubjectKeyId"):
        identifiers.append(subject_key)
    if issuer.certificate is None:
        if inputs.get("setAuthorityKeyId"):
            identifiers.append(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(subject_key))
        return identifiers
    try:
        issuer_key = issuer.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        identifiers.append(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer_key))
    except x509.ExtensionNotFound:
        pass
    return identifiers


def _subject_name(subject: Mapping[str, Any] | None) -> x509.Name:
    attributes = []
    for field, oid in _SUBJECT:
        value = (subject or {}).get(field)
        for item in value if isinstance(value, list) else [value]:
            if item:
                try:
                    attributes.append(x509.NameAttribute(oid, str(item)))
                except ValueError as error:
                    raise PluginError(f"subject.{field}: {error}") from None
    return x509.Name(attributes)


def _alternative_names(inputs: Mapping[str, Any]) -> x509.SubjectAlternativeName | None:
    try:
        names: list[x509.GeneralName] = [
            *(x509.DNSName(name) for name in inputs.get("dnsNames") or []),
            *(x509.IPAddress(ipaddress.ip_address(name)) for name in inputs.get("ipAddresses") or []),
            *(x509.UniformResourceIdentifier(name) for name in inputs.get("uris") or []),
        ]
    except ValueError as error:
        raise PluginError(f"dnsNames, ipAddresses or uris: {error}") from None
    return x509.SubjectAlternativeName(names) if names else None


def _signature_hash(key: Key) -> Any:  # noqa: ANN401 - the builders' own type of hash
    """Return the SHA-2 hash function that matches the strength of the signing key.

    Return None for an ED25519 key, because its signature algorithm includes the hash function.
    """
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return {384: hashes.SHA384(), 521: hashes.SHA512()}.get(key.key_size, hashes.SHA256())
    return hashes.SHA256() if hasattr(key, "private_numbers") else None
