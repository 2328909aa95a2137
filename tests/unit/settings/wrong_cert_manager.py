"""Invalid settings of the add-on that issues certificates for workloads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from testkit.certificates import issue_certificate
from tests.unit.settings.support import REMOVE, TWO_WORKERS, InvalidSettings

AUTHORITY, OTHER = issue_certificate("Test CA"), issue_certificate("Other CA")
_LEAF = issue_certificate("shop.example", issuer=AUTHORITY, server=True)
SECTION = "addons.cert_manager"
RFC2136: dict[str, object] = {
    "nameserver": "10.0.0.53",
    "zones": ["example.com"],
    "key_name": "acme.example.com",
    "secret": "c2VjcmV0",
}
ACME: dict[str, Any] = {
    "server": "https://acme.example/directory",
    "email": "ops@example.com",
    "http01": {"ingress_class": "traefik"},
}
CA: dict[str, Any] = {
    "certificate": AUTHORITY.certificate_pem.decode(),
    "private_key": AUTHORITY.key_pem.decode(),
}
ISSUERS: dict[str, Any] = {
    "public": {"acme": ACME},
    "names": {"acme": {**ACME, "http01": None, "rfc2136": RFC2136}},
    "private": {"acme": {**ACME, "server_ca": CA["certificate"], "rfc2136": RFC2136}},
    "company": {"ca": CA},
    "lab": {"generated_ca": {}},
}
"""Valid issuers of each kind."""


def without(section: Mapping[str, object], edits: Mapping[str, object]) -> dict[str, object]:
    """Return a section with changed keys, without those whose value is REMOVE."""
    return {key: value for key, value in {**section, **edits}.items() if value is not REMOVE}


def invalid_acme(path: str, phrase: str, **edits: object) -> InvalidSettings:
    """Return settings whose ACME issuer has a problem at `path` below its section."""
    issuers = {"public": {"acme": without(ACME, edits)}}
    return InvalidSettings(
        f"{SECTION}.issuers.public.acme{path}", phrase, {SECTION: {"issuers": issuers}}, TWO_WORKERS
    )


def invalid_update(key: str, phrase: str, value: object) -> InvalidSettings:
    """Return settings whose challenges by DNS have a problem."""
    return invalid_acme(f".rfc2136.{key}", phrase, rfc2136=without(RFC2136, {key: value}))


def invalid_authority(key: str, phrase: str, value: object) -> InvalidSettings:
    """Return settings with a wrong value of a certificate authority."""
    issuers = {"company": {"ca": without(CA, {key: value})}}
    return InvalidSettings(f"{SECTION}.issuers.company.ca.{key}", phrase, {SECTION: {"issuers": issuers}})


def invalid_issuer(path: str, phrase: str, issuer: Mapping[str, object]) -> InvalidSettings:
    """Return settings with a wrong issuer `lab`."""
    return InvalidSettings(
        f"{SECTION}.issuers.lab{path}", phrase, {SECTION: {"issuers": {"lab": dict(issuer)}}}
    )


def invalid_default(path: str, phrase: str, **default: object) -> InvalidSettings:
    """Return settings of an ingress whose default certificate has a problem with its issuer."""
    ingress = {"pool": "workers", "sources": ["0.0.0.0/0"], "default_certificate": default}
    return InvalidSettings(
        f"addons.ingress.default_certificate.{path}",
        phrase,
        {"addons": {"ingress": ingress, "cert_manager": {"issuers": ISSUERS}}},
    )


CERT_MANAGER = (
    InvalidSettings(
        SECTION, "needs a pod network before up can create issuers", {SECTION: {}, "network.cni": "none"}
    ),
    invalid_issuer("", "needs one of acme, ca and generated_ca", {}),
    invalid_issuer("", "acme and generated_ca are set; keep one", {"acme": ACME, "generated_ca": {}}),
    invalid_issuer(".generated_ca.years", "0: must be at least 1", {"generated_ca": {"years": 0}}),
    invalid_issuer(
        ".generated_ca.common_name", "longer than 64 characters", {"generated_ca": {"common_name": "a" * 65}}
    ),
    InvalidSettings(f"{SECTION}.issuers", '"Lab": not a DNS label', {SECTION: {"issuers": {"Lab": {}}}}),
    invalid_acme("", "needs http01 or rfc2136", http01=REMOVE),
    invalid_acme(".http01.ingress_class", "missing, and the cluster has no addons.ingress", http01={}),
    invalid_acme(".server", '"http://acme.example": not an https URL', server="http://acme.example"),
    invalid_acme(".server", "missing; add it", server=REMOVE),
    invalid_acme(".email", '"ops": not an email address', email="ops"),
    invalid_acme(".email", "missing; add it", email=REMOVE),
    invalid_acme(".server_ca", '"ca.crt": not a certificate', server_ca="ca.crt"),
    invalid_update("nameserver", '"ns.example.com"', "ns.example.com"),
    invalid_update("zones", "must have at least 1 entry", []),
    invalid_acme(".rfc2136.zones[0]", '"Example": not a DNS name', rfc2136={**RFC2136, "zones": ["Example"]}),
    invalid_update("algorithm", '"hmac-md5"', "hmac-md5"),
    invalid_update("secret", "not Base64; give the secret of the TSIG key", "!"),
    invalid_update("secret", "missing; add it", REMOVE),
    invalid_authority("certificate", "is not that of a CA", _LEAF.certificate_pem.decode()),
    invalid_authority("certificate", '"ca.crt": not a certificate', "ca.crt"),
    invalid_authority("private_key", "does not belong to the first certificate", OTHER.key_pem.decode()),
    invalid_authority("private_key", "missing; add it", REMOVE),
    invalid_default(
        "issuer", '"labs": no such issuer; did you mean lab?', issuer="labs", names=["a.example"]
    ),
    invalid_default(
        "issuer", '"x": no such issuer; add it to addons.cert_manager', issuer="x", names=["a.example"]
    ),
    invalid_default("names", "missing; add the names of your sites", issuer="lab"),
    invalid_default("names", "needs issuer, which signs the certificate", names=["a.example"]),
    invalid_default("names[0]", '"a b": not a DNS name', issuer="lab", names=["a b"]),
    invalid_default(
        "names[1]",
        '"*.example.com": is a wildcard, which needs challenges by DNS',
        issuer="public",
        names=["example.com", "*.example.com"],
    ),
    invalid_default("names[0]", '"a.example": is in no zone of rfc2136', issuer="names", names=["a.example"]),
    invalid_default("issuer", "certificate is also set; remove one of them", issuer="lab", **CA),
    InvalidSettings(
        "access.namespaces.cert-manager",
        "belongs to addons.cert_manager",
        {SECTION: {}, "access.namespaces": {"cert-manager": {}}},
    ),
    InvalidSettings(
        "helm_releases.issuers.namespace",
        '"cert-manager": belongs to addons.cert_manager',
        {
            SECTION: {},
            "helm_releases.issuers": {
                "chart": "./issuers",
                "namespace": "cert-manager",
                "create_namespace": True,
            },
        },
    ),
)
