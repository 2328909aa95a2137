"""Settings of volumes in Amazon EFS [H3, K]."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, WithJsonSchema

from settings.file_storage import NFS_PORT, FileStorageSettings
from settings.storage_drivers import ExportPath
from settings.types import HttpsUrl, NonEmpty, Subdomain, Version

VERSION = "4.4.2"
"""The default version of the chart. Its values are for this minor version."""
REPOSITORY = "https://kubernetes-sigs.github.io/aws-efs-csi-driver"

_FILE_SYSTEM = re.compile(r"fs-[0-9a-f]{8}([0-9a-f]{9})?")
_MODE = re.compile(r"[0-7]{3}")


def _validate_file_system(text: str) -> str:
    if not _FILE_SYSTEM.fullmatch(text):
        raise ValueError("not the id of a file system; allowed: fs-0123456789abcdef0")
    return text


def _validate_mode(text: str) -> str:
    if not _MODE.fullmatch(text):
        raise ValueError('not the mode of a directory; allowed: three octal digits in quotes, such as "700"')
    return text


FileSystem = Annotated[
    str,
    AfterValidator(_validate_file_system),
    WithJsonSchema({"type": "string", "pattern": f"^{_FILE_SYSTEM.pattern}$"}),
]
"""Id of a file system of EFS."""
DirectoryMode = Annotated[
    str, AfterValidator(_validate_mode), WithJsonSchema({"type": "string", "pattern": f"^{_MODE.pattern}$"})
]
"""Permissions of a directory, as three octal digits."""


class AwsFileStorageSettings(FileStorageSettings):
    """Volumes in Amazon EFS by aws-efs-csi-driver: an access point with a directory for each claim."""

    class_name: Subdomain = "efs"
    """Name of the StorageClass."""
    expansion: bool = False
    """Not supported: EFS does not limit the size of volumes."""
    file_system: FileSystem | None = None
    """ID of an existing file system with mount targets in the subnets of the nodes; default: a file system is
    created, with a mount target in each zone.
    """
    throughput: Literal["elastic", "bursting"] = "elastic"
    """Throughput mode of the created file system: `elastic` follows the load and is billed by use, `bursting`
    depends on the amount of data.
    """
    path: ExportPath = "/"
    """Directory of the file system in which the driver makes the directories of volumes."""
    directory_mode: DirectoryMode = "700"
    """Permissions of the directory of a volume. All pods use the volume with the same user and group ID."""
    version: Version = VERSION
    """Version of the chart; another patch version of the same minor version."""
    repository: HttpsUrl = REPOSITORY
    """URL of the chart repository, such as a mirror of the official one."""
    chart: NonEmpty = "aws-efs-csi-driver"
    """Name of the chart in `repository`, an `oci://` reference, or a path relative to the checkout."""

    @property
    def port(self) -> int:
        """Return the port of the mount targets."""
        return NFS_PORT
