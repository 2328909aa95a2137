"""Invalid settings of the add-on that publishes names in DNS zones."""

from __future__ import annotations

from typing import Any

from tests.unit.settings.support import REMOVE, InvalidSettings

SECTION = "addons.external_dns"
UPDATES: dict[str, Any] = {
    "nameserver": "10.0.0.53",
    "zones": ["apps.example", "corp.example"],
    "key_name": "dev.apps.example",
    "secret": "UFJJVkFURS1UU0lHLUtFWS0wMTIzNDU2Nzg5YWJjZGU=",
}


def settings(**edits: object) -> dict[str, object]:
    """Return settings of the add-on with changed keys. REMOVE removes a key of `rfc2136`."""
    updates = {key: edits.pop(key, value) for key, value in UPDATES.items()}
    updates |= {key: edits.pop(key) for key in ("algorithm",) if key in edits}
    return {"rfc2136": {key: value for key, value in updates.items() if value is not REMOVE}, **edits}


def invalid(path: str, phrase: str, **edits: object) -> InvalidSettings:
    """Return settings whose add-on has a problem at `path` below its section."""
    return InvalidSettings(f"{SECTION}.{path}", phrase, {SECTION: settings(**edits)})


EXTERNAL_DNS = (
    InvalidSettings(f"{SECTION}.rfc2136", "missing; add it", {SECTION: {}}),
    invalid("rfc2136.nameserver", '"ns.corp.example"', nameserver="ns.corp.example"),
    invalid("rfc2136.nameserver", "missing; add it", nameserver=REMOVE),
    invalid("rfc2136.zones", "must have at least 1 entry", zones=[]),
    invalid("rfc2136.zones[0]", '"Apps.example": not a DNS name', zones=["Apps.example"]),
    invalid("rfc2136.zones[1]", '"apps.example": named twice', zones=["apps.example", "apps.example"]),
    invalid(
        "rfc2136.zones[0]",
        '"apps.cluster.local": belongs to network.domain',
        zones=["apps.cluster.local"],
    ),
    invalid("rfc2136.key_name", '"dev key": not a DNS name', key_name="dev key"),
    invalid("rfc2136.key_name", "missing; add it", key_name=REMOVE),
    invalid("rfc2136.algorithm", '"hmac-sha1"', algorithm="hmac-sha1"),
    invalid("rfc2136.secret", "not Base64; give the secret of the TSIG key", secret="k3y"),
    invalid("rfc2136.secret", "has 6 bytes, and can be guessed", secret="c2VjcmV0"),
    invalid("rfc2136.secret", "missing; add it", secret=REMOVE),
    invalid("domains[1]", '"shop.example": is in no zone', domains=["a.apps.example", "shop.example"]),
    invalid("domains[0]", '"myapps.example": is in no zone', domains=["myapps.example"]),
    invalid("domains[1]", '"apps.example": named twice', domains=["apps.example", "apps.example"]),
    invalid("domains[0]", '"*.apps.example": not a DNS name', domains=["*.apps.example"]),
    invalid("sources", "must have at least 1 entry", sources=[]),
    invalid("sources[0]", '"pod"', sources=["pod"]),
    invalid("sources[1]", '"service": named twice', sources=["service", "service"]),
    invalid("policy", '"delete"', policy="delete"),
    invalid("interval", '"5s": allowed: 10s to 1h', interval="5s"),
    invalid("interval", '"2h": allowed: 10s to 1h', interval="2h"),
    invalid("provider", "unknown", provider="route53"),
    InvalidSettings(
        "access.namespaces.external-dns",
        "belongs to addons.external_dns",
        {SECTION: settings(), "access.namespaces": {"external-dns": {}}},
    ),
    InvalidSettings(
        "helm_releases.names.namespace",
        '"external-dns": belongs to addons.external_dns',
        {
            SECTION: settings(),
            "helm_releases.names": {
                "chart": "./names",
                "namespace": "external-dns",
                "create_namespace": True,
            },
        },
    ),
)
