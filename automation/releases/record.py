"""The records of Helm: the Secrets in which Helm stores each revision of a release.

The format is that of helm.sh/helm/v3/pkg/storage/driver: base64 of compressed JSON, in the key `release` of
a Secret, and base64 of all data of a Secret. A record also contains the manifest and the values of the
release, which can contain secrets and must not be printed.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from formats.documents import SAFE_LOADER

SELECTOR = "owner=helm,name={name}"
"""Label selector of the records of a release."""


@dataclass(frozen=True, slots=True, order=True)
class ObjectKey:
    """The identity of an object in the cluster; `namespace` is empty for an object without one."""

    kind: str
    namespace: str
    name: str
    api_version: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseRecord:
    """A revision of a release. `objects` are the objects of its manifest, `hooks` those of its hooks.

    `status` is the word of Helm, such as `deployed`, `failed` or `pending-upgrade`. `manifest` is the
    rendered chart and `values` are those of the user; both can contain secrets.
    """

    name: str
    namespace: str
    revision: int
    status: str
    chart: str = ""
    objects: tuple[ObjectKey, ...] = ()
    hooks: tuple[ObjectKey, ...] = ()
    manifest: str = field(default="", repr=False)
    values: Mapping[str, Any] = field(default_factory=dict, repr=False)


def newest_record(secrets: Iterable[Mapping[str, Any]]) -> ReleaseRecord | None:
    """Return the newest revision in the Secrets of a release; None without a record that can be read."""
    revisions = {int(labels.get("version", 0)): secret for secret in secrets if (labels := _labels(secret))}
    return parse_record(revisions[max(revisions)]) if revisions else None


def parse_record(secret: Mapping[str, Any]) -> ReleaseRecord | None:
    """Return the revision in a Secret of Helm; None if the Secret has another format."""
    try:
        packed = base64.b64decode(base64.b64decode(secret["data"]["release"]))
        content = json.loads(gzip.decompress(packed) if packed[:2] == b"\x1f\x8b" else packed)
        namespace = str(content["namespace"])
        metadata = (content.get("chart") or {}).get("metadata") or {}
        manifest = str(content.get("manifest") or "")
        return ReleaseRecord(
            name=str(content["name"]),
            namespace=namespace,
            revision=int(content["version"]),
            status=str(content["info"]["status"]),
            chart=f"{metadata.get('name', '')} {metadata.get('version', '')}".strip(),
            objects=tuple(object_keys(manifest, namespace)),
            hooks=tuple(
                key
                for hook in content.get("hooks") or ()
                for key in object_keys(str(hook.get("manifest") or ""), namespace)
            ),
            manifest=manifest,
            values=content.get("config") or {},
        )
    except (KeyError, TypeError, ValueError, OSError, yaml.YAMLError):
        return None


def object_keys(manifest: str, namespace: str) -> Iterator[ObjectKey]:
    """Yield the keys of the objects in a rendered manifest. `namespace` is that of the release."""
    for document in yaml.load_all(manifest, Loader=SAFE_LOADER):
        metadata = document.get("metadata") if isinstance(document, Mapping) else None
        if isinstance(metadata, Mapping) and metadata.get("name"):
            yield ObjectKey(
                kind=str(document.get("kind", "")),
                namespace=str(metadata.get("namespace") or namespace),
                name=str(metadata["name"]),
                api_version=str(document.get("apiVersion", "")),
            )


def _labels(secret: Mapping[str, Any]) -> Mapping[str, str]:
    labels = secret.get("metadata", {}).get("labels") or {}
    return labels if str(labels.get("version", "")).isdigit() else {}
