"""Settings of the add-on that serves Ingress objects [H4]."""

from __future__ import annotations

from typing import Annotated

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from pydantic import AfterValidator, Field, SecretStr

from settings.authorization import PLACEHOLDERS
from settings.base import Section
from settings.types import LabelKey, Name, Network, NonEmpty


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


class IngressCertificateSettings(Section):
    """The certificate for names that no Ingress has a certificate for."""

    certificate: Annotated[NonEmpty, AfterValidator(_validate_certificate)]
    """Text of a PEM file with the certificate and its chain."""
    private_key: Annotated[SecretStr, AfterValidator(_validate_key)]
    """Text of the PEM file of its private key, as an encrypted value (`secure: …`)."""


class IngressSettings(Section):
    """Traefik, which serves Ingress objects over HTTP and HTTPS. It runs in the namespace `traefik`."""

    pool: Name | None = None
    """Pool whose nodes accept connections to their ports 80 and 443. The pool needs a taint. Either `pool` or
    `load_balancer` is required.
    """
    load_balancer: bool = False
    """Serve behind a service of type LoadBalancer instead of ports of a pool."""
    sources: tuple[Network, ...] = Field(min_length=1)
    """Networks of clients, such as `0.0.0.0/0`; machines and pods of the cluster can always connect."""
    default_class: bool = True
    """Serve Ingress objects without a class too."""
    default_certificate: IngressCertificateSettings | None = None
    """The certificate for names that no Ingress has a certificate for; default: Traefik signs its own."""
    replicas: int | None = Field(default=None, ge=1, le=100)
    """Number of pods with `load_balancer`; default: 2. With `pool`, each node has one."""
    annotations: dict[LabelKey, str] = Field(default_factory=dict)
    """Annotations of the service with `load_balancer`, which the controller of the cloud reads."""
