"""Contents of the secret files of a test cluster, created from the certificate table of
`topology.certificates`.
"""

from __future__ import annotations

import base64
import os
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from topology.certificates import (
    AUTHORITIES,
    Authority,
    Leaf,
    authorities,
    leaves,
    signing_name,
    trust_bundle,
    trusted_names,
)
from topology.identities import PAYLOAD_SALT, TOKEN_FILE, token_owners
from topology.model import Topology

_SigningPair = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]


def create_secrets(topology: Topology) -> dict[str, str]:
    """Create the contents of all secret files of a cluster, and return them by name, e.g.
    `apiserver-cp-1.key`.
    """
    result: dict[str, str] = {}
    signers: dict[str, _SigningPair] = {}
    for authority in authorities(topology):
        key = ec.generate_private_key(ec.SECP256R1())
        signers[authority.name] = (_sign_authority(authority, key), key)
        result |= _certificate_files(authority.name, *signers[authority.name])
    for name in AUTHORITIES.values():
        certificates = "".join(result[f"{generation}.crt"] for generation in trusted_names(topology, name))
        result |= {f"{trust_bundle(name)}.crt": certificates} | _certificate_files(
            name, *signers[signing_name(topology, name)]
        )
    for leaf in leaves(topology):
        key = ec.generate_private_key(ec.SECP256R1())
        result |= _certificate_files(
            leaf.name, _sign_leaf(leaf, key, signers[signing_name(topology, leaf.authority)]), key
        )
    account = ec.generate_private_key(ec.SECP256R1())
    result["service-account.key"] = _key_pem(account)
    public = account.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    result["service-account.pub"] = public.decode()
    result["encryption.yaml"] = _encryption_configuration()
    for name in (TOKEN_FILE, *(owner.secret for owner in token_owners(topology))):
        result[name] = f"{os.urandom(3).hex()}.{os.urandom(8).hex()}"
    result[PAYLOAD_SALT] = os.urandom(32).hex()
    return result


def _certificate_builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=30))
    )


def _sign_authority(authority: Authority, key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, authority.common_name)])
    builder = _certificate_builder(name, name, key)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    builder = builder.add_extension(_key_usage(signs=True), critical=True)
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    return builder.add_extension(identifier, critical=False).sign(key, hashes.SHA256())


def _sign_leaf(leaf: Leaf, key: ec.EllipticCurvePrivateKey, signer: _SigningPair) -> x509.Certificate:
    certificate, signing_key = signer
    names = [x509.NameAttribute(NameOID.COMMON_NAME, leaf.common_name)]
    names += [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in leaf.organizations]
    builder = _certificate_builder(x509.Name(names), certificate.subject, key)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_key_usage(signs=False), critical=True)
    usages = [ExtendedKeyUsageOID.SERVER_AUTH] * leaf.server + [ExtendedKeyUsageOID.CLIENT_AUTH] * leaf.client
    builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
    alternatives: list[x509.GeneralName] = [x509.DNSName(name) for name in leaf.dns_names]
    alternatives += [x509.IPAddress(address) for address in leaf.ip_addresses]
    if alternatives:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(signing_key.public_key())
    return builder.add_extension(issuer, critical=False).sign(signing_key, hashes.SHA256())


def _key_usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )


def _certificate_files(
    name: str, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey
) -> dict[str, str]:
    return {f"{name}.crt": certificate.public_bytes(Encoding.PEM).decode(), f"{name}.key": _key_pem(key)}


def _key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()


def _encryption_configuration() -> str:
    key = base64.b64encode(os.urandom(32)).decode()
    return f"""apiVersion: apiserver.config.k8s.io/v1
kind: EncryptionConfiguration
resources:
  - resources: [secrets]
    providers:
      - secretbox: {{keys: [{{name: key1, secret: {key}}}]}}
      - identity: {{}}
"""
