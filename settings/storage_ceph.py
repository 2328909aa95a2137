"""Settings of volumes in a Ceph cluster outside the Kubernetes cluster [H3]."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr, WithJsonSchema

from settings.base import Section
from settings.secret_values import decode_base64, is_placeholder
from settings.storage_drivers import DriverSettings, validate_server
from settings.types import HttpsUrl, NonEmpty, Subdomain, Version
from topology.storage import BindingMode
from topology.storage_drivers import CEPH_REPOSITORY, CEPH_VERSION

_CLUSTER_ID = re.compile(r"[A-Za-z0-9-]{1,36}")
_POOL = re.compile(r"[A-Za-z0-9_.-]+")
_KEY_LENGTH = 28
"""Bytes of a key of cephx: its type (2), the time when it was made (8), its length (2) and 16 bytes."""


def _validate_cluster_id(text: str) -> str:
    if not _CLUSTER_ID.fullmatch(text):
        raise ValueError("not the id of a Ceph cluster; use the fsid that `ceph fsid` prints")
    return text


def _validate_monitor(text: str) -> str:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or not 1 <= int(port) <= 65535:
        raise ValueError("not a monitor; allowed: HOST:PORT, such as 10.0.0.7:6789")
    return f"{validate_server(host)}:{int(port)}"


def _validate_pool(text: str) -> str:
    if not _POOL.fullmatch(text):
        raise ValueError("not a name of Ceph; allowed: letters, digits and _.-")
    return text


def _validate_user(text: str) -> str:
    if text.startswith("client."):
        raise ValueError(f"has the type of the user in its name; write {text.removeprefix('client.')}")
    return _validate_pool(text)


def _validate_key(key: SecretStr) -> SecretStr:
    if is_placeholder(key):
        return key
    content = decode_base64(key)
    if len(content) < _KEY_LENGTH or content[:2] != b"\x01\x00":
        raise ValueError("is not a key of Ceph; use the text that `ceph auth get-key` prints")
    return key


Monitor = Annotated[
    str, AfterValidator(_validate_monitor), WithJsonSchema({"type": "string", "pattern": "^.+:[0-9]+$"})
]
CephName = Annotated[str, AfterValidator(_validate_pool), WithJsonSchema({"type": "string", "minLength": 1})]
User = Annotated[str, AfterValidator(_validate_user), WithJsonSchema({"type": "string", "minLength": 1})]
Key = Annotated[SecretStr, AfterValidator(_validate_key)]


class CephDriverSettings(DriverSettings):
    """A driver of ceph-csi, and the user of Ceph whose permissions it has."""

    binding_mode: BindingMode = BindingMode.IMMEDIATE
    """When a claim gets its volume: `Immediate`, or `WaitForFirstConsumer`, when a pod uses the claim."""
    user: User
    """User of Ceph without `client.`, such as `kubernetes`."""
    secret_key: Key
    """Key of the user, as an encrypted value (`secure: …`)."""
    version: Version = CEPH_VERSION
    """Version of the chart; another patch version of the same minor version."""
    repository: HttpsUrl = CEPH_REPOSITORY
    """URL of the chart repository, such as a mirror of the official one."""


class CephBlockSettings(CephDriverSettings):
    """Volumes that are block devices (RBD), each with a file system, for one node at a time."""

    class_name: Subdomain = "ceph-rbd"
    """Name of the StorageClass."""
    pool: CephName
    """Pool of the block devices."""
    data_pool: CephName | None = None
    """Erasure-coded pool of the data; `pool` then has the metadata. Default: all in `pool`."""
    file_system: Literal["ext4", "xfs"] = "ext4"
    """File system of the volumes."""
    chart: NonEmpty = "ceph-csi-rbd"
    """Name of the chart in `repository`, an `oci://` reference, or a path relative to the checkout."""


class CephFilesSettings(CephDriverSettings):
    """Volumes that are directories of a Ceph file system (CephFS), for several nodes at a time."""

    class_name: Subdomain = "cephfs"
    """Name of the StorageClass."""
    file_system: CephName
    """Name of the Ceph file system."""
    pool: CephName | None = None
    """Pool of the data; default: the pool of the file system."""
    chart: NonEmpty = "ceph-csi-cephfs"
    """Name of the chart in `repository`, an `oci://` reference, or a path relative to the checkout."""


class CephStorageSettings(Section):
    """An external Ceph cluster, by the official charts of ceph-csi; at least one of `rbd` and `cephfs` is
    required.
    """

    cluster_id: Annotated[
        str, AfterValidator(_validate_cluster_id), WithJsonSchema({"type": "string", "maxLength": 36})
    ]
    """The fsid of the Ceph cluster."""
    monitors: tuple[Monitor, ...] = Field(min_length=1)
    """Monitors of the Ceph cluster as `HOST:PORT`. Port 3300 is for monitors without the first protocol."""
    rbd: CephBlockSettings | None = None
    """Volumes that are block devices; default: none."""
    cephfs: CephFilesSettings | None = None
    """Volumes that are directories of a Ceph file system; default: none."""
