"""Settings of the add-on that issues certificates for workloads, by cert-manager [H4]."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from settings.base import Section
from settings.dns_updates import Rfc2136Settings
from settings.pem import CertificateText, PrivateKeyText
from settings.types import HttpsUrl, Name, NonEmpty, validate_subdomain

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_MAX_COMMON_NAME = 64
"""ub-common-name of RFC 5280."""


def _validate_email(text: str) -> str:
    if not _EMAIL.fullmatch(text):
        raise ValueError("not an email address, such as ops@example.com")
    return text


def _validate_common_name(text: str) -> str:
    if len(text) > _MAX_COMMON_NAME:
        raise ValueError(f"longer than {_MAX_COMMON_NAME} characters; shorten it")
    return text


def _validate_certificate_name(text: str) -> str:
    validate_subdomain(text.removeprefix("*."))
    return text


CertificateName = Annotated[str, AfterValidator(_validate_certificate_name)]
"""A DNS name in a certificate, which can begin with `*.`."""


class Http01Settings(Section):
    """HTTP challenges: the server of the issuer opens a page at port 80 of each name."""

    ingress_class: Name | None = None
    """Class of the Ingress objects for challenges; default: the class of `addons.ingress`."""


class AcmeSettings(Section):
    """An ACME issuer (RFC 8555), such as Let's Encrypt. It needs `http01`, `rfc2136` or both."""

    server: HttpsUrl
    """URL of the directory, such as `https://acme-v02.api.letsencrypt.org/directory`."""
    email: Annotated[str, AfterValidator(_validate_email)]
    """Address to which the issuer sends warnings."""
    server_ca: CertificateText | None = None
    """Certificates of the CA that signed the certificate of a private server; default: public CAs."""
    http01: Http01Settings | None = None
    """HTTP challenges."""
    rfc2136: Rfc2136Settings | None = None
    """DNS challenges for names in these zones, also with wildcards: cert-manager adds records there."""


class GivenAuthoritySettings(Section):
    """Your own certificate authority."""

    certificate: CertificateText
    """Text of a PEM file with the certificate of the CA and its chain."""
    private_key: PrivateKeyText
    """Text of the PEM file of its private key, as an encrypted value (`secure: …`)."""


class GeneratedAuthoritySettings(Section):
    """A certificate authority that Kubewright creates. Its key is in the state, as an encrypted value."""

    common_name: Annotated[NonEmpty, AfterValidator(_validate_common_name)] | None = None
    """Common name of the CA; default: the names of the cluster and of the issuer."""
    years: int = Field(default=10, ge=1, le=30)
    """Years for which the certificate of the CA is valid."""


class IssuerSettings(Section):
    """A ClusterIssuer. Each issuer has one of these keys."""

    acme: AcmeSettings | None = None
    """An ACME issuer, such as Let's Encrypt."""
    ca: GivenAuthoritySettings | None = None
    """Your own certificate authority."""
    generated_ca: GeneratedAuthoritySettings | None = None
    """A certificate authority that Kubewright creates, for tests and internal names."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds that are set; one in valid settings."""
        return tuple(kind for kind in ("acme", "ca", "generated_ca") if getattr(self, kind) is not None)


class CertManagerSettings(Section):
    """cert-manager, which issues and renews certificates of workloads. It runs in the namespace
    `cert-manager`.
    """

    issuers: dict[Name, IssuerSettings] = Field(default_factory=dict)
    """ClusterIssuers by name. You can create others with kubectl."""
