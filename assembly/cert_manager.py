"""Conversion of the settings of cert-manager to plain data."""

from __future__ import annotations

from assembly.dns_updates import build_rfc2136
from settings.cert_manager import AcmeSettings, IssuerSettings
from settings.cluster import Settings
from topology.cert_manager import (
    AcmeIssuer,
    CertManager,
    GeneratedAuthority,
    GivenAuthority,
    Issuer,
)
from topology.ingress import CLASS


def build_cert_manager(settings: Settings) -> CertManager | None:
    """Return the add-on that valid settings describe; None for a cluster without it."""
    section = settings.addons.cert_manager
    if section is None:
        return None
    cluster = settings.name or ""
    return CertManager(tuple(_issuer(name, issuer, cluster) for name, issuer in section.issuers.items()))


def _issuer(name: str, section: IssuerSettings, cluster: str) -> Issuer:
    if section.acme is not None:
        return _acme_issuer(name, section.acme)
    if section.ca is not None:
        return GivenAuthority(name, section.ca.certificate)
    if section.generated_ca is None:
        raise ValueError(f"issuer {name} has no kind; only settings that load() returned are complete")
    common_name = section.generated_ca.common_name or f"{cluster} {name}"
    return GeneratedAuthority(name, common_name, section.generated_ca.years)


def _acme_issuer(name: str, section: AcmeSettings) -> AcmeIssuer:
    return AcmeIssuer(
        name=name,
        server=section.server,
        email=section.email,
        server_ca=section.server_ca or "",
        ingress_class=(section.http01.ingress_class or CLASS) if section.http01 else "",
        rfc2136=build_rfc2136(section.rfc2136) if section.rfc2136 else None,
    )
