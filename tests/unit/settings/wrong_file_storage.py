"""Invalid settings of volumes in the file storage of clouds."""

from __future__ import annotations

from typing import Any

from tests.unit.settings.support import InvalidSettings
from tests.unit.settings.wrong_clouds import AWS, AZURE

ACCOUNT = (
    "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/shared"
    "/providers/Microsoft.Storage/storageAccounts/sharedfiles"
)


def efs(path: str, phrase: str, /, **keys: Any) -> InvalidSettings:  # noqa: ANN401 - JSON
    """Return settings of volumes in EFS with a problem at `path` below their section."""
    return InvalidSettings(f"aws.file_storage.{path}", phrase, {"aws.file_storage": keys}, AWS)


def azure(path: str, phrase: str, /, **keys: Any) -> InvalidSettings:  # noqa: ANN401 - JSON
    """Return settings of volumes in Azure Files with a problem at `path` below their section."""
    return InvalidSettings(f"azure.file_storage.{path}", phrase, {"azure.file_storage": keys}, AZURE)


FILE_STORAGE = (
    # Amazon EFS
    efs("file_system", '"fs-1": not the id of a file system; allowed: fs-', file_system="fs-1"),
    efs("directory_mode", '"rwx": not the mode of a directory', directory_mode="rwx"),
    efs("throughput", "allowed: elastic, bursting", throughput="provisioned"),
    efs(
        "throughput",
        '"elastic": has no effect on the existing file system fs-0123456789abcdef0',
        file_system="fs-0123456789abcdef0",
        throughput="elastic",
    ),
    efs("path", '"volumes": not a path on a server', path="volumes"),
    efs("path", '"/a/b/c/d": too deep: the path of a volume has at most 4', path="/a/b/c/d"),
    efs("path", "has 61 characters, over 59; use a shorter path", path=f"/{60 * 'v'}"),
    efs("path", '"/a/.b": EFS refuses names that begin with a dot', path="/a/.b"),
    efs("expansion", "true: not supported: EFS does not limit the size", expansion=True),
    efs("mount_options[1]", '"iam": volumes are always mounted by TLS', mount_options=["noatime", "iam"]),
    efs("mount_options[0]", '"notls": volumes are always mounted by TLS', mount_options=["notls"]),
    efs("default_class", "aws.addons.storage has it; set that to false", default_class=True),
    efs("class_name", '"gp3": is the class of aws.addons.storage', class_name="gp3"),
    efs("version", '"2.5.7": not supported; use a version 4.4.x, such as 4.4.2', version="2.5.7"),
    efs(
        "repository",
        "allowed only with a chart's name",
        chart="oci://registry.example/aws-efs-csi-driver",
        repository="https://charts.example",
    ),
    efs("protocol", "unknown key", protocol="nfs"),
    # Azure Files
    azure("protocol", "allowed: nfs, smb", protocol="cifs"),
    azure("sku", '"Standard_ZRS": Azure has NFS only with premium storage', sku="Standard_ZRS"),
    azure("sku", "allowed: Premium_ZRS, Premium_LRS", sku="Premium_GRS", protocol="smb"),
    azure("account", '"sharedfiles": not the id of a storage account', account="sharedfiles"),
    azure("account", "not in azure.subscription", account=ACCOUNT.replace("00000000-", "00000001-")),
    azure("mount_options[0]", '"nfsvers=3": the driver mounts with version 4.1', mount_options=["nfsvers=3"]),
    azure(
        "mount_options[1]",
        '"vers=2.1": has no encryption, and the storage account refuses it',
        protocol="smb",
        mount_options=["cache=strict", "vers=2.1"],
    ),
    azure("class_name", '"managed-premium": is the class of azure.addons', class_name="managed-premium"),
    azure("version", '"v1.35.10": not a version', version="v1.35.10"),
    azure("version", '"1.30.2": not supported; use a version 1.35.x', version="1.30.2"),
)
