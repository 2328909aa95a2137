"""The add-on that issues certificates for workloads, by cert-manager, as plain data [H4]."""

from __future__ import annotations

from dataclasses import dataclass

from topology.dns_updates import Rfc2136

NAMESPACE = "cert-manager"
"""The namespace of cert-manager, which also has the secrets of ClusterIssuers."""
WEBHOOK = "cert-manager-webhook"
"""The name of the admission webhook, its service and its certificate."""


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
