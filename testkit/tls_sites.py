"""Sites behind an ingress, and their certificates."""

from __future__ import annotations

import ssl
from typing import Any

from cryptography import x509

from testkit import ingress_client, pods
from testkit.certificates import CertificateAndKey
from testkit.cluster import Cluster

ISSUER = "cert-manager.io/cluster-issuer"
"""The annotation of an Ingress that names the issuer of its certificate."""


def deploy_site(cluster: Cluster, namespace: str, *, replicas: int = 1) -> None:
    """Create a namespace with the service `web`, and wait until its pods answer with their names."""
    site = pods.deployment(namespace, "web", replicas, pods.spec(pods.serving_container()))
    cluster.apply(pods.namespace(namespace), site, pods.service(namespace, "web"))
    cluster.wait_rollout(namespace, "deployment/web")


def ingress(
    namespace: str, name: str, host: str, *, issuer: str = "", annotations: dict[str, str] | None = None
) -> dict[str, Any]:
    """Return an Ingress for a host that leads to the service `web`. With `issuer`, it gets a certificate."""
    backend = {"service": {"name": "web", "port": {"number": pods.PORT}}}
    rule = {"host": host, "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
    named = {ISSUER: issuer} if issuer else {}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"namespace": namespace, "name": name, "annotations": {**named, **(annotations or {})}},
        "spec": {
            "rules": [rule],
            **({"tls": [{"hosts": [host], "secretName": f"{name}-tls"}]} if issuer else {}),
        },
    }


def trusting_context(authority: CertificateAndKey) -> ssl.SSLContext:
    """Return the TLS settings of a client that trusts a CA.

    A default certificate serves names that it does not contain, so the client does not compare the names.
    """
    context = ssl.create_default_context(cadata=authority.certificate_pem.decode())
    context.check_hostname = False
    return context


def served(address: str, host: str, authority: str, *, port: int = 443) -> x509.Certificate:
    """Return the certificate of a site at an address, verified by a client that trusts an authority (PEM).

    Raise AssertionError if the client does not trust it, or gets no page.
    """
    context = ssl.create_default_context(cadata=authority)
    try:
        answer = ingress_client.request(address, port, host, context)
    except OSError as error:
        raise AssertionError(f"{host}: {error}") from error
    assert answer.status == 200, f"{host}: status {answer.status}"
    return x509.load_pem_x509_certificate(answer.certificate.encode())


def dns_names(certificate: x509.Certificate) -> list[str]:
    """Return the DNS names that a certificate is for."""
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return names.get_values_for_type(x509.DNSName)


def traefik_pods(cluster: Cluster) -> set[tuple[str, int]]:
    """Return the ids of Traefik's pods and how often their containers restarted."""
    return {
        (pod["metadata"]["uid"], pod["status"]["containerStatuses"][0]["restartCount"])
        for pod in cluster.pods("traefik")
    }
