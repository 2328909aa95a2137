"""Types of settings that are certificates and private keys, as texts of PEM files."""

from __future__ import annotations

from typing import Annotated

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from pydantic import AfterValidator, SecretStr

from settings.secret_values import PLACEHOLDERS
from settings.types import NonEmpty


def _validate_certificate(pem: str) -> str:
    if pem in PLACEHOLDERS:
        return pem
    try:
        for certificate in x509.load_pem_x509_certificates(pem.encode()):
            certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("not a certificate; give the text of the PEM file with its chain") from None
    return pem


def _validate_key(key: SecretStr) -> SecretStr:
    text = key.get_secret_value()
    if text in PLACEHOLDERS:
        return key
    try:
        load_pem_private_key(text.encode(), password=None)
    except TypeError:
        raise ValueError(
            "has a password; remove the password (openssl pkey), and encrypt the value"
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("not a private key; give the text of the PEM file as an encrypted value") from None
    return key


CertificateText = Annotated[NonEmpty, AfterValidator(_validate_certificate)]
"""Text of a PEM file with a certificate and its chain."""
PrivateKeyText = Annotated[SecretStr, AfterValidator(_validate_key)]
"""Text of a PEM file with a private key."""


def first_certificate(pem: str) -> x509.Certificate | None:
    """Return the first certificate of a valid text; None for the placeholder of an unknown text."""
    return None if pem in PLACEHOLDERS else x509.load_pem_x509_certificates(pem.encode())[0]


def is_key_of(key: SecretStr, pem: str) -> bool:
    """Return whether a private key belongs to the first certificate of a text. Unknown texts belong."""
    certificate, text = first_certificate(pem), key.get_secret_value()
    if certificate is None or text in PLACEHOLDERS:
        return True
    certified, own = (
        item.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        for item in (
            certificate.public_key(),
            load_pem_private_key(text.encode(), password=None).public_key(),
        )
    )
    return certified == own
