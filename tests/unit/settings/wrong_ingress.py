"""Invalid settings of the add-on that serves Ingress objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives import serialization

from testkit.certificates import CertificateAndKey, issue_certificate
from tests.unit.settings.support import REMOVE, TWO_WORKERS, InvalidSettings
from tests.unit.settings.wrong_clouds import AWS

ISSUED, OTHER = issue_certificate("shop.example"), issue_certificate("other.example")


def certificate_settings(issued: CertificateAndKey) -> dict[str, object]:
    """Return the setting `default_certificate` with a certificate and its key."""
    return {"certificate": issued.certificate_pem.decode(), "private_key": issued.key_pem.decode()}


VALID: dict[str, object] = {
    "pool": "workers",
    "sources": ["0.0.0.0/0"],
    "default_certificate": certificate_settings(ISSUED),
}
"""Valid settings of the add-on for `TWO_WORKERS`."""
BALANCED: dict[str, object] = {"load_balancer": True, "sources": ["0.0.0.0/0"]}
"""Valid settings of the add-on in a cloud."""
_ENCRYPTED_KEY = ISSUED.key.private_bytes(
    serialization.Encoding.PEM,
    serialization.PrivateFormat.PKCS8,
    serialization.BestAvailableEncryption(b"test"),
).decode()


def invalid_ingress(
    path: str, phrase: str, base: Mapping[str, Any] = TWO_WORKERS, **edits: object
) -> InvalidSettings:
    """Return settings whose add-on has a problem at `path` below the section of the add-on."""
    section = {key: value for key, value in {**VALID, **edits}.items() if value is not REMOVE}
    return InvalidSettings(f"addons.ingress{path}", phrase, {"addons": {"ingress": section}}, base)


def invalid_certificate(path: str, phrase: str, **edits: object) -> InvalidSettings:
    """Return settings whose default certificate has a problem at `path`."""
    section = {**certificate_settings(ISSUED), **edits}
    given = {key: value for key, value in section.items() if value is not REMOVE}
    return invalid_ingress(f".default_certificate.{path}", phrase, default_certificate=given)


def taken_port(path: str, phrase: str, edits: Mapping[str, object]) -> InvalidSettings:
    """Return settings in which another setting has a port of the add-on."""
    return InvalidSettings(path, phrase, {"addons": {"ingress": VALID}, **edits})


INGRESS = (
    invalid_ingress("", "needs pool, whose nodes open ports 80 and 443", pool=REMOVE),
    InvalidSettings(
        "addons.ingress.load_balancer",
        "pool is also set; remove one of them",
        {"addons": {"ingress": {**BALANCED, "pool": "general"}}, "pools.general.taints": ["a=b:NoSchedule"]},
        AWS,
    ),
    invalid_ingress(
        ".load_balancer", "nothing in this cluster serves services", pool=REMOVE, load_balancer=True
    ),
    invalid_ingress(".pool", '"worker": no such pool of workers; did you mean workers?', pool="worker"),
    invalid_ingress(".pool", '"edge": no such pool of workers; add it to pools', pool="edge"),
    InvalidSettings(
        "addons.ingress.pool",
        "its nodes accept all pods",
        {"addons": {"ingress": VALID}, "pools.workers.taints": ["a=b:PreferNoSchedule"]},
    ),
    InvalidSettings(
        "addons.ingress.pool",
        "can have no nodes; give pools.general at least one",
        {
            "addons": {"ingress": {**VALID, "pool": "general"}},
            "pools.general.taints": ["a=b:NoSchedule"],
            "pools.general.size": {"min": 0, "max": 3},
        },
        AWS,
    ),
    invalid_ingress(".sources", "missing; add it", sources=REMOVE),
    invalid_ingress(".sources", "must have at least 1 entry", sources=[]),
    invalid_ingress(".sources[0]", '"anyone": not an IPv4 network', sources=["anyone"]),
    invalid_ingress(".replicas", "1: has no effect without load_balancer", replicas=1),
    InvalidSettings(
        "addons.ingress.replicas",
        "0: must be at least 1",
        {"addons": {"ingress": {**BALANCED, "replicas": 0}}},
        AWS,
    ),
    invalid_ingress(".annotations", "has no effect without load_balancer", annotations={"a/b": "c"}),
    invalid_ingress(".gateway_api", "must be true or false", gateway_api={"enabled": True}),
    invalid_ingress(
        ".gateway_namespaces", "has no effect without gateway_api: true", gateway_namespaces={"team": "shop"}
    ),
    invalid_ingress(
        ".gateway_namespaces",
        '"team shop": not a label key',
        gateway_api=True,
        gateway_namespaces={"team shop": ""},
    ),
    invalid_ingress(
        ".gateway_namespaces.team",
        '"shop and blog": not a label value',
        gateway_api=True,
        gateway_namespaces={"team": "shop and blog"},
    ),
    invalid_certificate("private_key", "missing; add it, or name an issuer", private_key=REMOVE),
    invalid_certificate("certificate", "missing; add it, or name an issuer", certificate=REMOVE),
    invalid_certificate("certificate", '"tls.crt": not a certificate', certificate="tls.crt"),
    invalid_certificate("private_key", "not a private key", private_key="tls.key"),
    invalid_certificate("private_key", "has a password", private_key=_ENCRYPTED_KEY),
    invalid_certificate(
        "private_key", "does not belong to the first certificate", private_key=OTHER.key_pem.decode()
    ),
    taken_port(
        "network.ports.web.port",
        '"80-81": addons.ingress uses 80 on nodes of its pool',
        {"network.ports.web": {"port": "80-81", "sources": ["10.0.0.0/8"], "because": "test"}},
    ),
    taken_port(
        "network.node_ports", '"80-1000": addons.ingress uses 80 and 443', {"network.node_ports": "80-1000"}
    ),
    taken_port("metal.ssh.port", "443: addons.ingress uses 443", {"metal.ssh.port": 443}),
    taken_port(
        "access.namespaces.traefik", "creates the namespace traefik", {"access.namespaces": {"traefik": {}}}
    ),
    taken_port(
        "helm_releases.web.namespace",
        "creates the namespace traefik",
        {"helm_releases.web": {"chart": "./web", "namespace": "traefik", "create_namespace": True}},
    ),
)
