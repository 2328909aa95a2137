"""Conversion of the settings of Ingress objects to plain data."""

from __future__ import annotations

from collections.abc import Iterator

from settings.cluster import Settings
from settings.ingress import IngressSettings
from topology.ingress import HTTP_PORT, HTTPS_PORT, Ingress
from topology.model import Role
from topology.open_ports import OpenPort
from topology.ports import Protocol

_DEFAULT_REPLICAS = 2


def build_ingress(settings: IngressSettings | None) -> Ingress | None:
    """Return the add-on that serves Ingress objects; None for a cluster without it."""
    if settings is None:
        return None
    certificate = settings.default_certificate
    return Ingress(
        pool=settings.pool or "",
        sources=settings.sources,
        default_class=settings.default_class,
        replicas=settings.replicas or _DEFAULT_REPLICAS,
        annotations=tuple(settings.annotations.items()),
        certificate=(certificate.certificate or "") if certificate else "",
        issuer=(certificate.issuer or "") if certificate else "",
        names=certificate.names if certificate else (),
        gateway_api=settings.gateway_api,
        gateway_namespaces=tuple(settings.gateway_namespaces.items()),
    )


def ingress_ports(settings: Settings) -> Iterator[OpenPort]:
    """Yield the ports that nodes of the ingress pool open.

    Pods are a source, because they can connect to Traefik's pods anyway, and because a port that is closed to
    pods is closed for all machines of the network.
    """
    ingress = settings.addons.ingress
    if ingress is None or ingress.pool is None:
        return
    for port, protocol in ((HTTP_PORT, "HTTP"), (HTTPS_PORT, "HTTPS")):
        yield OpenPort(
            name=f"addons.ingress.{port}",
            networks=(*ingress.sources, settings.network.pods),
            roles=(Role.NODE,),
            protocol=Protocol.TCP,
            ports=(port, port),
            purpose=f"ingress: {protocol}",
            pools=(ingress.pool,),
            of_add_on=True,
        )
