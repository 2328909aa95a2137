"""The add-on that serves Ingress objects, as plain data [H4]."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network

INGRESS_LABEL = ("kubewright.dev/ingress", "true")
"""The label of the nodes whose ports 80 and 443 belong to the add-on."""
NAMESPACE = "traefik"
"""The namespace of the add-on."""
CLASS = "traefik"
"""The IngressClass of the add-on."""
GATEWAY = "traefik-gateway"
"""The Gateway of the add-on, with the name that upstream's chart gives it."""
ISSUED_CERTIFICATE = "default-certificate"
"""The Secret, in the namespace of the add-on, with the default certificate of an issuer."""
GIVEN_CERTIFICATE = "traefik"
"""The Secret, in the namespace of the add-on, with a given default certificate."""
HTTP_PORT = 80
HTTPS_PORT = 443


@dataclass(frozen=True, slots=True)
class Ingress:
    """Traefik on the nodes of a pool, or, with an empty `pool`, behind a service of type LoadBalancer.

    `sources` are the networks of clients. `replicas` is the number of pods behind the service; each node of
    the pool has one. `annotations` are those of the service. `certificate` is the PEM of the default
    certificate. Without it, `issuer` is the ClusterIssuer that signs a default certificate for `names`; both
    empty: Traefik signs its own. With `gateway_api`, routes of the Gateway API are served too.
    `gateway_namespaces` are labels of the namespaces whose routes are accepted; empty: all namespaces.
    """

    pool: str
    sources: tuple[IPv4Network, ...]
    default_class: bool = True
    replicas: int = 2
    annotations: tuple[tuple[str, str], ...] = ()
    certificate: str = ""
    issuer: str = ""
    names: tuple[str, ...] = ()
    gateway_api: bool = False
    gateway_namespaces: tuple[tuple[str, str], ...] = ()

    @property
    def default_certificate(self) -> str:
        """The name of the Secret with the default certificate; empty if Traefik signs its own."""
        if self.certificate:
            return GIVEN_CERTIFICATE
        return ISSUED_CERTIFICATE if self.issuer else ""
