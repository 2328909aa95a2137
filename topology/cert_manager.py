"""The add-on that issues certificates for workloads, by cert-manager, as plain data [H4]."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

NAMESPACE = "cert-manager"
"""The namespace of cert-manager, which also has the secrets of ClusterIssuers."""
WEBHOOK = "cert-manager-webhook"
"""The name of the admission webhook, its service and its certificate."""


class TsigAlgorithm(StrEnum):
    """The algorithm of a TSIG key (RFC 8945)."""

    SHA256 = "hmac-sha256"
    SHA512 = "hmac-sha512"


@dataclass(frozen=True, slots=True)
class Rfc2136:
    """A DNS server that accepts dynamic updates of zones. The secret of the key is not in the topology."""

    nameserver: str
    zones: tuple[str, ...]
    key_name: str
    algorithm: TsigAlgorithm


@dataclass(frozen=True, slots=True, kw_only=True)
class AcmeIssuer:
    """An issuer that speaks ACME.

    `server_ca` is the PEM of the CA of its server; empty: public CAs. `ingress_class` is the class of Ingress
    objects for HTTP challenges; empty: no challenges by HTTP.
    """

    name: str
    server: str
    email: str
    server_ca: str = ""
    ingress_class: str = ""
    rfc2136: Rfc2136 | None = None


@dataclass(frozen=True, slots=True)
class GivenAuthority:
    """A certificate authority of the user. `certificate` is the PEM of the CA and its chain."""

    name: str
    certificate: str


@dataclass(frozen=True, slots=True)
class GeneratedAuthority:
    """A certificate authority that the program creates."""

    name: str
    common_name: str
    years: int


Issuer = AcmeIssuer | GivenAuthority | GeneratedAuthority


@dataclass(frozen=True, slots=True)
class CertManager:
    """cert-manager with its ClusterIssuers."""

    issuers: tuple[Issuer, ...] = ()
