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
HTTP_PORT = 80
HTTPS_PORT = 443


@dataclass(frozen=True, slots=True)
class Ingress:
    """Traefik on the nodes of a pool, or, with an empty `pool`, behind a service of type LoadBalancer.

    `sources` are the networks of clients. `replicas` is the number of pods behind the service; each node of
    the pool has one. `annotations` are those of the service. `certificate` is the PEM of the default
    certificate. Without it, `issuer` is the ClusterIssuer that signs a default certificate for `names`; both
    empty: Traefik signs its own.
    """

    pool: str
    sources: tuple[IPv4Network, ...]
    default_class: bool = True
    replicas: int = 2
    annotations: tuple[tuple[str, str], ...] = ()
    certificate: str = ""
    issuer: str = ""
    names: tuple[str, ...] = ()
