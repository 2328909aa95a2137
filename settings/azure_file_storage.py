"""Settings of volumes in Azure Files [H3, L]."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, WithJsonSchema

from settings.file_storage import NFS_PORT, SMB_PORT, FileStorageSettings
from settings.types import HttpsUrl, NonEmpty, Subdomain, Version

VERSION = "1.35.10"
"""The default version of the chart. Its values are for this minor version."""
REPOSITORY = "https://raw.githubusercontent.com/kubernetes-sigs/azurefile-csi-driver/master/charts"

_ACCOUNT = re.compile(
    r"/subscriptions/[0-9a-f-]{36}/resourceGroups/[^/]+"
    r"/providers/Microsoft\.Storage/storageAccounts/[a-z0-9]{3,24}"
)


class FileProtocol(StrEnum):
    """The protocol by which nodes mount volumes."""

    NFS = "nfs"
    SMB = "smb"


class FileSku(StrEnum):
    """Performance and redundancy of a storage account."""

    PREMIUM_ZRS = "Premium_ZRS"
    PREMIUM_LRS = "Premium_LRS"
    STANDARD_ZRS = "Standard_ZRS"
    STANDARD_LRS = "Standard_LRS"

    @property
    def is_premium(self) -> bool:
        """Whether the data is on SSDs. NFS requires it."""
        return self.value.startswith("Premium")


def _validate_account(text: str) -> str:
    if not _ACCOUNT.fullmatch(text):
        raise ValueError(
            "not the id of a storage account; allowed: /subscriptions/<id>/resourceGroups/<group>"
            "/providers/Microsoft.Storage/storageAccounts/<name>"
        )
    return text


AccountId = Annotated[
    str,
    AfterValidator(_validate_account),
    WithJsonSchema({"type": "string", "pattern": f"^{_ACCOUNT.pattern}$"}),
]
"""ID of a storage account."""


class AzureFileStorageSettings(FileStorageSettings):
    """Volumes in Azure Files by azurefile-csi-driver: a file share for each claim."""

    class_name: Subdomain = "azure-files"
    """Name of the StorageClass."""
    protocol: FileProtocol = FileProtocol.NFS
    """Protocol of volumes: `nfs`, which has the permissions of files that Linux programs expect, or `smb`,
    which encrypts the traffic.
    """
    sku: FileSku = FileSku.PREMIUM_ZRS
    """Performance and redundancy of the storage account. `nfs` needs `Premium_ZRS` or `Premium_LRS`."""
    account: AccountId | None = None
    """ID of an existing storage account that the nodes can reach; default: an account is created."""
    version: Version = VERSION
    """Version of the chart; another patch version of the same minor version."""
    repository: HttpsUrl = REPOSITORY
    """URL of the chart repository, such as a mirror of the official one."""
    chart: NonEmpty = "azurefile-csi-driver"
    """Name of the chart in `repository`, an `oci://` reference, or a path relative to the checkout."""

    @property
    def port(self) -> int:
        """Return the port of the protocol."""
        return NFS_PORT if self.protocol is FileProtocol.NFS else SMB_PORT
