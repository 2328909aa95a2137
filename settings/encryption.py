"""Settings of the encryption of objects in etcd [D4]."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from settings.base import Section
from settings.certificates import Stage
from settings.types import Duration, parse_seconds
from topology.options import SECRETS

_RESOURCE = re.compile(r"(?P<name>\*|[a-z][a-z0-9-]*)(\.(?P<group>\*?|[a-z0-9]([a-z0-9.-]*[a-z0-9])?))?")
_PLUGIN = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?")
_SOCKET = re.compile(r"unix://(/[A-Za-z0-9_.-]+)+")
_UNIT = re.compile(r"[A-Za-z0-9@_.-]+\.(service|socket|target)")
_WITHOUT_API = ("apiserveripinfo", "serviceipallocations", "servicenodeportallocations")


def _validate_resource(text: str) -> str:
    """Return a resource that API servers can encrypt.

    The reasons are those of upstream's ValidateEncryptionConfiguration. Raise ValueError for other text.
    """
    match = _RESOURCE.fullmatch(text)
    if text != text.lower():
        raise ValueError("contains capital letters; write the plural name of the resource in lower case")
    if text == "*":
        raise ValueError("is ambiguous; write *. for all resources of the core group, *.* for all groups")
    if match is None:
        raise ValueError("not a resource; allowed: configmaps, cars.example.com, *.example.com, *. and *.*")
    name, group = match["name"], match["group"]
    if text in _WITHOUT_API:
        raise ValueError("has no REST API, and API servers encrypt no such resource; remove it")
    if group == "extensions":
        raise ValueError("the group extensions no longer exists; remove it")
    if group == "events.k8s.io":
        raise ValueError("etcd has events without this group; write events")
    if name != "*" and group == "*":
        raise ValueError("names a resource in all groups; write one group, or *.* for all resources")
    if name != "*" and group == "":
        raise ValueError(f"has an empty group; write {name}")
    return text


def _validate_plugin_name(text: str) -> str:
    if ":" in text:
        raise ValueError('contains a ":", which separates fields of encrypted objects; use - instead')
    if not _PLUGIN.fullmatch(text):
        raise ValueError("not the name of a KMS plugin; allowed: letters, digits, - and _, such as vault")
    return text


def _validate_socket(text: str) -> str:
    if not text.startswith("unix://"):
        raise ValueError(
            "not the URL of a Unix socket, over which API servers call KMS plugins; allowed: "
            "unix:///PATH, such as unix:///run/kms/plugin.sock"
        )
    if not _SOCKET.fullmatch(text) or ".." in text.split("/"):
        raise ValueError(
            "the path of the socket is not absolute or has other characters than letters, digits and ._-; "
            "write three slashes, such as unix:///run/kms/plugin.sock"
        )
    return text


def _validate_api_version(value: object) -> object:
    if value == "v1":
        raise ValueError("Kubernetes 1.29 and later disable version 1 of the KMS API; use a plugin for v2")
    return value


def _validate_timeout(text: str) -> str:
    if not 1 <= parse_seconds(text) <= 60:
        raise ValueError("API servers wait this long for each call of the plugin; allowed: 1s to 60s")
    return text


def _validate_unit(text: str) -> str:
    if not _UNIT.fullmatch(text):
        raise ValueError("not a systemd unit; allowed: NAME.service, NAME.socket or NAME.target")
    return text


EncryptedResource = Annotated[
    str, AfterValidator(_validate_resource), WithJsonSchema({"type": "string", "minLength": 1})
]
ResourceStage = Literal["trust", "done"]


class KmsSettings(Section):
    """A KMS v2 plugin that runs on every control plane. You install and start the plugin."""

    name: Annotated[str, AfterValidator(_validate_plugin_name), Field(json_schema_extra={"minLength": 1})]
    """Name of the plugin, which etcd stores with each object; it must not change while objects use it."""
    endpoint: Annotated[str, AfterValidator(_validate_socket)]
    """Unix socket of the plugin on the control planes, such as `unix:///run/kms/plugin.sock`; the user
    `kube-apiserver` must be able to connect.
    """
    api_version: Annotated[Literal["v2"], BeforeValidator(_validate_api_version)] = "v2"
    """Version of the KMS API that the plugin implements."""
    timeout: Annotated[Duration, AfterValidator(_validate_timeout)] = "3s"
    """Time limit for each call of the plugin."""
    stage: Stage = "done"
    """`trust`: the secretbox key encrypts and API servers can read both; `sign`: the plugin encrypts and API
    servers can read both; `done`: API servers can read only objects of the plugin.
    """
    after: Annotated[str, AfterValidator(_validate_unit)] | None = None
    """systemd unit on the control planes that API servers start after, such as `vault-kms.service`."""


class EncryptionSettings(Section):
    """Encryption of objects in etcd."""

    resources: dict[EncryptedResource, ResourceStage] = Field(default={SECRETS: "done"})
    """Resources by name, such as `configmaps` or `*.example.com`; `trust`: API servers can read encrypted
    objects and write unencrypted objects; `done`: API servers write encrypted objects.
    """
    kms: KmsSettings | None = None
    """KMS v2 plugin that encrypts objects in place of the secretbox key; changes have stages."""
