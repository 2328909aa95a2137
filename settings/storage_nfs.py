"""Settings of volumes on NFS servers [H3]."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field, WithJsonSchema

from settings.base import Section
from settings.storage_drivers import DriverSettings, ExportPath, MountOption, Server
from settings.types import HttpsUrl, NonEmpty, Quantity, Subdomain, Version
from topology.storage import BindingMode, ReclaimPolicy
from topology.storage_drivers import NFS_REPOSITORY, NFS_VERSION

_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_CLAIM = re.compile(rf"{_LABEL}/{_LABEL}(\.{_LABEL})*")


class AccessMode(StrEnum):
    """How many nodes mount a volume at the same time."""

    READ_WRITE_ONCE = "ReadWriteOnce"
    READ_ONLY_MANY = "ReadOnlyMany"
    READ_WRITE_MANY = "ReadWriteMany"


def _validate_claim(text: str) -> str:
    if not _CLAIM.fullmatch(text):
        raise ValueError("not a claim; allowed: NAMESPACE/NAME, such as media/library")
    return text


Claim = Annotated[
    str, AfterValidator(_validate_claim), WithJsonSchema({"type": "string", "pattern": f"^{_CLAIM.pattern}$"})
]


def nfs_version(options: Iterable[str]) -> str:
    """Return the version of NFS that mount options select, such as `4.2`; empty if they select none."""
    for option in options:
        name, _, value = option.partition("=")
        if name in ("vers", "nfsvers"):
            return value
        if match := re.fullmatch(r"v([0-9.]+)", option):
            return match[1]
    return ""


class NfsVolumeSettings(Section):
    """A PersistentVolume that is a directory of an NFS server. Nodes mount it with their own NFS client."""

    server: Server
    """Address or DNS name of the server. Nodes resolve the name, not the DNS of the cluster."""
    path: ExportPath
    """Path of the exported directory on the server."""
    capacity: Quantity
    """Size by which claims find the volume, such as `100Gi`. The server does not limit volumes to it."""
    access_modes: tuple[AccessMode, ...] = Field(default=(AccessMode.READ_WRITE_MANY,), min_length=1)
    """Access modes of claims that fit."""
    mount_options: tuple[MountOption, ...] = ()
    """Options of the mount. Without a version of NFS, Kubewright adds `vers=4`, which selects the newest
    version 4 of the server.
    """
    reclaim_policy: ReclaimPolicy = ReclaimPolicy.RETAIN
    """What happens when the claim is deleted: `Retain` keeps the volume and its data. No other value is
    allowed, because Kubernetes deletes no data of such volumes.
    """
    class_name: Subdomain | None = None
    """Class of claims that fit; default: none, so claims have `storageClassName: ""`."""
    claim: Claim | None = None
    """Claim that gets the volume, as `NAMESPACE/NAME`; default: the first claim that fits."""


class NfsDriverSettings(DriverSettings):
    """Volumes provisioned dynamically by csi-driver-nfs: each is a directory below `path` on the server."""

    class_name: Subdomain = "nfs"
    """Name of the StorageClass."""
    binding_mode: BindingMode = BindingMode.IMMEDIATE
    """When a claim gets its volume: `Immediate`, or `WaitForFirstConsumer`, when a pod uses the claim."""
    server: Server
    """Address or DNS name of the server."""
    path: ExportPath
    """Path of the exported directory on the server, in which the driver makes directories as root."""
    version: Version = NFS_VERSION
    """Version of the chart; another patch version of the same minor version."""
    repository: HttpsUrl = NFS_REPOSITORY
    """URL of the chart repository, such as a mirror of the official one."""
    chart: NonEmpty = "csi-driver-nfs"
    """Name of the chart in `repository`, an `oci://` reference, or a path relative to the checkout."""


class NfsStorageSettings(Section):
    """NFS: the client on every node (NFS version 4), PersistentVolumes by name, and dynamic provisioning."""

    volumes: dict[Subdomain, NfsVolumeSettings] = Field(default_factory=dict)
    """PersistentVolumes by name."""
    driver: NfsDriverSettings | None = None
    """Volumes provisioned dynamically by csi-driver-nfs; default: none."""
