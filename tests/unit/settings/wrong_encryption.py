"""Invalid settings of the encryption of objects in etcd."""

from __future__ import annotations

from tests.unit.settings.support import REMOVE, InvalidSettings

KMS = {"name": "vault", "endpoint": "unix:///run/kms/plugin.sock"}
SECRETS = {"secrets": "done"}


def _kms(path: str, phrase: str, **changes: object) -> InvalidSettings:
    section = {key: value for key, value in (KMS | changes).items() if value is not REMOVE}
    return InvalidSettings(f"api.encryption.kms.{path}", phrase, {"api.encryption": {"kms": section}})


def _resource(resource: str, phrase: str) -> InvalidSettings:
    return InvalidSettings(
        "api.encryption.resources",
        f'"{resource}": {phrase}',
        {"api.encryption": {"resources": SECRETS | {resource: "trust"}}},
    )


def _resources(resources: dict[str, str], phrase: str, path: str = "") -> InvalidSettings:
    return InvalidSettings(
        f"api.encryption.resources{path}", phrase, {"api.encryption": {"resources": resources}}
    )


ENCRYPTION = (
    # Rotation of the key
    InvalidSettings(
        "certificates.encryption.stage",
        "the first generation replaces no other",
        {"certificates.encryption": {"stage": "trust"}},
    ),
    # KMS plugin
    _kms("name", "missing; add it", name=REMOVE),
    _kms("name", 'contains a ":"', name="vault:2"),
    _kms("name", "not the name of a KMS plugin", name=""),
    _kms("endpoint", "not the URL of a Unix socket", endpoint="tcp://127.0.0.1:8443"),
    _kms("endpoint", "write three slashes", endpoint="unix://run/kms/plugin.sock"),
    _kms("api_version", "disable version 1 of the KMS API", api_version="v1"),
    _kms("api_version", '"v3": unknown; allowed: v2', api_version="v3"),
    _kms("timeout", "allowed: 1s to 60s", timeout="0s"),
    _kms("timeout", '"3": not a duration', timeout="3"),
    _kms("stage", '"both": unknown; allowed: trust, sign, done', stage="both"),
    _kms("after", "not a systemd unit", after="vault kms"),
    # Resources
    _resource("ConfigMaps", "contains capital letters"),
    _resource("*", "is ambiguous; write *."),
    _resource("config maps", "not a resource; allowed: configmaps"),
    _resource("apiserveripinfo", "has no REST API"),
    _resource("ingresses.extensions", "the group extensions no longer exists"),
    _resource("events.events.k8s.io", "etcd has events without this group; write events"),
    _resource("configmaps.*", "names a resource in all groups"),
    _resource("configmaps.", "has an empty group; write configmaps"),
    _resources(SECRETS | {"configmaps": "sign"}, '"sign": unknown; allowed: trust, done', ".configmaps"),
    _resources({"configmaps": "done"}, "lacks secrets, which are always encrypted"),
    _resources({"secrets": "trust"}, "Secrets are always encrypted; allowed: done", ".secrets"),
    _resources(
        SECRETS | {"cars.example.com": "done", "*.example.com": "done"},
        '"*.example.com": contains cars.example.com',
    ),
    _resources(SECRETS | {"*.": "done", "*.*": "trust"}, '"*.*": contains *.;'),
)
