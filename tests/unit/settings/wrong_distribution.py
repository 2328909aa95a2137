"""Invalid settings of the registry, and of credentials of registries for pods."""

from __future__ import annotations

from typing import Any

from tests.unit.settings.support import REMOVE, InvalidSettings
from tests.unit.settings.wrong_cert_manager import CA

SECTION = "addons.registry"
PASSWORD = "correct-horse-battery"
HASH = "$2y$10$8puEMXTYOYQOZkCNIyIyQ.oCTRb4sxnt/OubaNk26Ve2oKzooELCq"
VOLUME: dict[str, Any] = {"volume": {"size": "20Gi"}}
S3: dict[str, Any] = {
    "bucket": "images",
    "region": "eu-central-1",
    "access_key_id": "AKIAIOSFODNN7",
    "secret_access_key": "s3-secret-of-the-registry",
}
BLOB: dict[str, Any] = {"account": "images1", "container": "images", "account_key": "YmxvYi1zZWNyZXQta2V5"}
TOKEN: dict[str, Any] = {
    "url": "https://auth.corp.example/token",
    "service": "registry.corp.example",
    "issuer": "auth.corp.example",
    "certificate": CA["certificate"],
}
USERS: dict[str, Any] = {"alice": {"password": PASSWORD}}
NODE_PORT: dict[str, Any] = {"type": "NodePort"}
BALANCED: dict[str, Any] = {"type": "LoadBalancer", "sources": ["10.0.0.0/8"]}
METALLB: dict[str, Any] = {"pools": {"public": {"addresses": ["10.89.0.240-10.89.0.250"]}}}
PULL: dict[str, Any] = {
    "registry": "registry.corp.example",
    "username": "team-a",
    "password": "pull-password-of-team-a",
    "namespaces": ["shop"],
}
SHOP: dict[str, Any] = {"access.namespaces": {"shop": {}}}


def settings(**edits: object) -> dict[str, Any]:
    """Return settings of the registry with changed keys. REMOVE removes a key."""
    section: dict[str, Any] = {"name": "registry.corp.example", "storage": VOLUME, "users": USERS} | edits
    return {key: value for key, value in section.items() if value is not REMOVE}


def invalid(path: str, phrase: str, **edits: object) -> InvalidSettings:
    """Return settings whose registry has a problem at `path` below its section."""
    place = f"{SECTION}.{path}" if path else SECTION
    return InvalidSettings(place, phrase, {SECTION: settings(**edits)})


def issued(path: str, phrase: str, issuer: dict[str, Any], **edits: object) -> InvalidSettings:
    """Return settings whose registry has a problem with the issuer `corp`."""
    issuers = {"addons.cert_manager.issuers": {"corp": issuer}}
    return InvalidSettings(f"{SECTION}.{path}", phrase, {SECTION: settings(issuer="corp") | edits, **issuers})


def wrong_pull(
    path: str, phrase: str, *, others: dict[str, Any] | None = None, **edits: object
) -> InvalidSettings:
    """Return settings with a problem of the pull secret `corp`."""
    section = {key: value for key, value in (PULL | edits).items() if value is not REMOVE}
    edited: dict[str, Any] = {**SHOP, "pull_secrets": {**(others or {}), "corp": section}}
    return InvalidSettings(f"pull_secrets.corp.{path}", phrase, edited)


_ACME = {"server": "https://acme.corp.example/directory", "email": "ops@corp.example"}
_RFC2136 = {
    "nameserver": "10.0.0.53",
    "zones": ["other.example"],
    "key_name": "acme",
    "secret": "UFJJVkFURS1UU0lHLUtFWS0wMTIzNDU2Nzg5YWJjZGU=",
}

DISTRIBUTION = (
    invalid("name", "missing; add it", name=REMOVE),
    invalid("name", '"registry": not a registry', name="registry"),
    invalid("name", '"registry.example:http": not a registry', name="registry.example:http"),
    invalid("name", '"registry.example:70000": not a registry', name="registry.example:70000"),
    invalid("name", '"Registry.example": not a DNS name', name="Registry.example"),
    invalid("name", '"docker.io": is a public registry', name="docker.io"),
    invalid("storage", "missing; add it", storage=REMOVE),
    invalid("storage", "needs one of volume, s3 and azure_blob", storage={}),
    invalid("storage", "volume and s3 are set", storage={**VOLUME, "s3": S3}),
    invalid("storage.s3", "has neither the region", storage={"s3": {k: S3[k] for k in S3 if k != "region"}}),
    invalid(
        "storage.s3.secret_access_key",
        "is empty or has spaces",
        storage={"s3": S3 | {"secret_access_key": ""}},
    ),
    invalid(
        "storage.azure_blob.account_key", "not Base64", storage={"azure_blob": BLOB | {"account_key": "!"}}
    ),
    invalid("storage.prefix", '"images": has no effect on a volume', storage={**VOLUME, "prefix": "images"}),
    invalid("storage.prefix", '"/images": not a directory', storage={"s3": S3, "prefix": "/images"}),
    invalid("storage.volume.size", '"much": not a quantity', storage={"volume": {"size": "much"}}),
    invalid("replicas", "2: only one node can mount the volume", replicas=2),
    invalid("replicas", "0", replicas=0),
    invalid("", "needs users or token", users=REMOVE),
    invalid("token", "users are also set", token=TOKEN),
    invalid("token.url", "not an https URL", users=REMOVE, token=TOKEN | {"url": "http://auth.corp.example"}),
    invalid("token.certificate", "not a certificate", users=REMOVE, token=TOKEN | {"certificate": "x"}),
    invalid("users.alice", "has neither password nor password_hash", users={"alice": {}}),
    invalid(
        "users.alice.password_hash",
        "password is also set",
        users={"alice": {"password": PASSWORD, "password_hash": HASH}},
    ),
    invalid("users.alice.password", "has fewer than 12 characters", users={"alice": {"password": "short"}}),
    invalid("users.alice.password", "has more than 72 bytes", users={"alice": {"password": "x" * 73}}),
    invalid("users.alice.password_hash", "not a bcrypt hash", users={"alice": {"password_hash": "{SHA}x="}}),
    invalid(
        "users.alice.password_hash",
        "has the cost 5",
        users={"alice": {"password_hash": HASH.replace("$10$", "$05$")}},
    ),
    invalid("users", '"a:b": not a user', users={"a:b": {"password": PASSWORD}}),
    invalid("node_user", '"alise": no such user; did you mean alice?', node_user="alise"),
    invalid("node_user", '"ci": no such user; add it', node_user="ci"),
    invalid(
        "node_user", '"alice": has only a hash', node_user="alice", users={"alice": {"password_hash": HASH}}
    ),
    invalid("node_user", '"alice": nodes send no password', node_user="alice", users=REMOVE, token=TOKEN),
    invalid("service.address", "not an IPv4 address", service={"address": "registry"}),
    invalid("service.address", '"10.0.0.9": is no address of a service', service={"address": "10.0.0.9"}),
    invalid("service.address", '"10.96.0.10": belongs to the API or', service={"address": "10.96.0.10"}),
    invalid("service.type", '"ExternalName"', service={"type": "ExternalName"}),
    invalid("service.type", "nothing in this cluster serves this type", service=BALANCED),
    InvalidSettings(
        f"{SECTION}.service.sources",
        "missing; name the networks of clients",
        {SECTION: settings(service={"type": "LoadBalancer"}), "addons.load_balancer": METALLB},
    ),
    invalid("service.sources", "has no effect without", service={"sources": ["10.0.0.0/8"]}),
    invalid("service.annotations", "has no effect without", service={"annotations": {"a": "b"}}),
    invalid("name", '"registry.corp.example": needs the port of nodes', service=NODE_PORT),
    invalid(
        "name",
        '"registry.corp.example:443": needs the port',
        name="registry.corp.example:443",
        service=NODE_PORT,
    ),
    invalid("issuer", '"corp": no such issuer; add it', issuer="corp"),
    issued("issuer", "its CA is created after nodes", {"generated_ca": {}}),
    issued("name", "is in no zone of rfc2136", {"acme": {**_ACME, "rfc2136": _RFC2136}}),
    invalid("garbage_collection.schedule", "not a schedule", garbage_collection={"schedule": "weekly"}),
    invalid("resources.memory_limit", '"64Mi": is less than memory', resources={"memory_limit": "64Mi"}),
    InvalidSettings(
        "registries.registry.corp.example",
        "addons.registry has this name",
        {SECTION: settings(), "registries": {"registry.corp.example": {"endpoint": "https://r.example"}}},
    ),
    InvalidSettings(
        "access.namespaces.registry",
        "belongs to addons.registry",
        {SECTION: settings(), "access.namespaces": {"registry": {}}},
    ),
)
PULL_SECRETS = (
    wrong_pull(
        "registry",
        '"https://registry.corp.example": not a registry',
        registry="https://registry.corp.example",
    ),
    wrong_pull("username", "has a colon or spaces", username="team:a"),
    wrong_pull("password", "missing; add it", password=REMOVE),
    wrong_pull("password", "is empty, or has spaces or newlines", password="secret\n"),
    wrong_pull("namespaces", "must have at least 1 entry", namespaces=[]),
    wrong_pull("namespaces[1]", '"shop": named twice', namespaces=["shop", "shop"]),
    wrong_pull(
        "namespaces[0]", '"shob": access.namespaces has no such namespace; did you mean', namespaces=["shob"]
    ),
    wrong_pull("service_accounts[0]", "no such account in shop", service_accounts=["builder"]),
    wrong_pull("service_accounts[1]", '"default": named twice', service_accounts=["default", "default"]),
    wrong_pull("registry", "other has a login of this registry", others={"other": PULL}),
)
