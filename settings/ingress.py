"""Settings of the add-on that serves Ingress objects [H4]."""

from __future__ import annotations

from pydantic import Field

from settings.base import Section
from settings.cert_manager import CertificateName
from settings.pem import CertificateText, PrivateKeyText
from settings.types import LabelKey, LabelValue, Name, Network


class IngressCertificateSettings(Section):
    """The certificate for names without a certificate in an Ingress: a given certificate with its key, or an
    issuer of `addons.cert_manager` with names.
    """

    certificate: CertificateText | None = None
    """Text of a PEM file with the certificate and its chain."""
    private_key: PrivateKeyText | None = None
    """Text of the PEM file of its private key, as an encrypted value (`secure: …`)."""
    issuer: Name | None = None
    """Issuer of `addons.cert_manager` that signs and renews the certificate."""
    names: tuple[CertificateName, ...] = ()
    """Names in the certificate of the issuer, such as `*.example.com`."""


class IngressSettings(Section):
    """Traefik, which serves Ingress objects over HTTP and HTTPS. It runs in the namespace `traefik`."""

    pool: Name | None = None
    """Pool whose nodes accept connections to their ports 80 and 443. The pool needs a taint. Either `pool` or
    `load_balancer` is required.
    """
    load_balancer: bool = False
    """Serve behind a service of type LoadBalancer instead of on ports of a pool."""
    sources: tuple[Network, ...] = Field(min_length=1)
    """Networks of clients, such as `0.0.0.0/0`; machines and pods of the cluster can always connect."""
    default_class: bool = True
    """Serve Ingress objects without a class too."""
    default_certificate: IngressCertificateSettings | None = None
    """The certificate for names without a certificate in an Ingress; default: Traefik signs its own."""
    gateway_api: bool = False
    """Serve the Gateway API too, such as HTTPRoute objects. Installs the definitions of its standard
    channel, a GatewayClass and a Gateway.
    """
    gateway_namespaces: dict[LabelKey, LabelValue] = Field(default_factory=dict)
    """Labels of the namespaces whose routes the Gateway accepts; default: the routes of all namespaces."""
    replicas: int | None = Field(default=None, ge=1, le=100)
    """Number of pods with `load_balancer`; default: 2. With `pool`, each node has one."""
    annotations: dict[LabelKey, str] = Field(default_factory=dict)
    """Annotations of the service with `load_balancer`, which the controller of the cloud reads."""
