"""Settings of the add-on that backs up objects and volumes of applications, by Velero [J4]."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field, JsonValue, SecretStr, WithJsonSchema

from settings.base import Section
from settings.cron import validate_cron
from settings.secret_values import is_placeholder
from settings.snapshot_targets import (
    BlobContainerName,
    S3TargetSettings,
    StorageAccount,
    StorageAccountKey,
    StorePrefix,
)
from settings.types import Duration, HttpsUrl, Name, NonEmpty, Version, parse_seconds
from topology.velero import AWS_PLUGIN, AZURE_PLUGIN, REPOSITORY, VERSION

_DIGEST = r"@sha256:[0-9a-f]{64}"
_IMAGE = re.compile(rf"[a-z0-9][a-z0-9._/-]*(:[0-9]+/[a-z0-9._/-]+)?(:[A-Za-z0-9_.-]+({_DIGEST})?|{_DIGEST})")
_MIN_TTL = 3600
_MIN_PASSWORD = 16


def _validate_ttl(duration: str) -> str:
    if parse_seconds(duration) < _MIN_TTL:
        raise ValueError("shorter than 1h; Velero would delete backups soon after their end")
    return duration


def _validate_image(text: str) -> str:
    if not _IMAGE.fullmatch(text):
        raise ValueError("not an image with a tag or digest, such as registry.example/velero/plugin:v1.14.2")
    return text


def _validate_password(secret: SecretStr) -> SecretStr:
    text = secret.get_secret_value()
    if not is_placeholder(secret) and (len(text) < _MIN_PASSWORD or re.search(r"\s", text)):
        raise ValueError(
            f"has fewer than {_MIN_PASSWORD} characters, or spaces; create one, such as with "
            "openssl rand -hex 32"
        )
    return secret


Cron = Annotated[str, AfterValidator(validate_cron), WithJsonSchema({"type": "string", "minLength": 6})]
PluginImage = Annotated[NonEmpty, AfterValidator(_validate_image)]


class VeleroBlobSettings(Section):
    """A container of Azure Blob Storage for backups."""

    account: StorageAccount
    """Name of the storage account."""
    container: BlobContainerName
    """Name of an existing container."""
    endpoint: HttpsUrl | None = None
    """URL of the blob service; default: `https://ACCOUNT.blob.core.windows.net`."""
    account_key: StorageAccountKey
    """Key of the storage account, as an encrypted value (`secure: …`). Velero supports no SAS tokens."""


class VeleroLocationSettings(Section):
    """A place for backups. Each location has either `s3` or `azure_blob`."""

    s3: S3TargetSettings | None = None
    """A bucket of AWS S3, or of another service with the API of S3."""
    azure_blob: VeleroBlobSettings | None = None
    """A container of Azure Blob Storage."""
    prefix: StorePrefix | None = None
    """Directory of the backups in the bucket or container; default: `velero/` and the name of the cluster.
    The directory must contain nothing else.
    """
    read_only: bool = False
    """Only restore from this location, such as from the backups of another cluster."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds that are set; one in valid settings."""
        return tuple(kind for kind in ("s3", "azure_blob") if getattr(self, kind) is not None)


class VeleroScheduleSettings(Section):
    """Backups at regular times."""

    cron: Cron
    """Times in UTC: minute, hour, day of month, month and day of week, such as `0 3 * * *`, or `@daily`."""
    ttl: Annotated[Duration, AfterValidator(_validate_ttl)] = "720h"
    """Time after which a backup is deleted, at least 1h."""
    namespaces: tuple[Name, ...] = ()
    """Namespaces whose objects and volumes are backed up; default: all, and objects without a namespace."""
    location: Name | None = None
    """Location of the backups; default: the default location."""


class VeleroSettings(Section):
    """Velero, which backs up objects and volumes of applications, by its official Helm chart. It runs in the
    namespace `velero`.
    """

    locations: dict[Name, VeleroLocationSettings] = Field(min_length=1)
    """Places for backups by name."""
    default_location: Name | None = None
    """Location of backups that name no location; required with several locations."""
    schedules: dict[Name, VeleroScheduleSettings] = Field(default_factory=dict)
    """Schedules of backups by name. You can create others with `velero schedule`."""
    node_agent: bool = False
    """Run a pod on each node that copies files of volumes into a location. The pod is privileged, and can
    read the volumes of all pods.
    """
    all_volumes: bool = False
    """Copy the files of all volumes of pods; default: of those that the annotation
    `backup.velero.io/backup-volumes` of a pod names. Requires `node_agent`.
    """
    move_snapshots: bool = False
    """Copy snapshots of volumes into the location; default: they remain in their storage system. Requires
    `node_agent` and `storage.snapshots`.
    """
    repository_password: Annotated[SecretStr, AfterValidator(_validate_password)] | None = None
    """Password that encrypts the copied files of volumes, as an encrypted value (`secure: …`); required with
    `node_agent`. The password of existing copies cannot change.
    """
    version: Version = VERSION
    """Version of the chart; another version of the same major version."""
    repository: HttpsUrl = REPOSITORY
    """URL of the chart repository, such as a mirror of the official one."""
    chart: NonEmpty = "velero"
    """Name of the chart in `repository`, an `oci://` reference, or a path relative to the checkout."""
    aws_plugin: PluginImage = AWS_PLUGIN
    """Image of velero-plugin-for-aws, for locations with `s3`."""
    azure_plugin: PluginImage = AZURE_PLUGIN
    """Image of velero-plugin-for-microsoft-azure, for locations with `azure_blob`."""
    values: dict[str, JsonValue] = Field(default_factory=dict)
    """Further values of the chart, such as `resources`. They are not secret, and cannot replace values that
    other settings determine.
    """
