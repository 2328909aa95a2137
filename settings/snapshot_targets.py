"""Settings of the places outside the hosts that receive encrypted copies of snapshots of etcd [C2]."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from settings.base import Section
from settings.secret_values import PLACEHOLDERS, decode_base64, is_placeholder
from settings.types import FilePath, HostPath, HttpsUrl
from topology.age_recipients import find_recipient_mistake

_BUCKET = re.compile(r"[a-z0-9]([a-z0-9.-]{1,61})[a-z0-9]")
_CONTAINER = re.compile(r"[a-z0-9](-?[a-z0-9]){2,62}")
_ACCOUNT = re.compile(r"[a-z0-9]{3,24}")
_PREFIX = re.compile(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*")
_REGION = re.compile(r"[a-z0-9-]+")
_ACCESS_KEY_ID = re.compile(r"[A-Za-z0-9_.-]{3,128}")


def _validate_recipient(text: str) -> str:
    if mistake := find_recipient_mistake(text):
        raise ValueError(mistake)
    return text


def _validate_bucket(text: str) -> str:
    if not _BUCKET.fullmatch(text) or ".." in text:
        raise ValueError("not a bucket; allowed: 3 to 63 characters of a-z, 0-9, . and -, such as etcd-dev")
    return text


def _validate_container(text: str) -> str:
    if not _CONTAINER.fullmatch(text) or len(text) > 63:
        raise ValueError("not a container; allowed: 3 to 63 characters of a-z, 0-9 and single -")
    return text


def _validate_account(text: str) -> str:
    if not _ACCOUNT.fullmatch(text):
        raise ValueError("not a storage account; allowed: its name, 3 to 24 characters of a-z and 0-9")
    return text


def _validate_prefix(text: str) -> str:
    if not _PREFIX.fullmatch(text) or {".", ".."} & set(text.split("/")):
        raise ValueError(
            "not a directory for copies; allowed: names of letters, digits and ._-, joined by /, without a "
            "/ at the start and the end"
        )
    return text


def _validate_region(text: str) -> str:
    if not _REGION.fullmatch(text):
        raise ValueError("not a region; allowed: a-z, 0-9 and -, such as eu-central-1")
    return text


def _validate_access_key_id(text: str) -> str:
    if text not in PLACEHOLDERS and not _ACCESS_KEY_ID.fullmatch(text):
        raise ValueError("not the id of an access key; allowed: 3 to 128 letters, digits and ._-")
    return text


def _validate_sas_token(secret: SecretStr) -> SecretStr:
    text = secret.get_secret_value()
    if text in PLACEHOLDERS:
        return secret
    keys = {part.partition("=")[0] for part in text.split("&")}
    if "://" in text or text.startswith("?") or not {"sv", "sig"} <= keys or re.search(r"\s", text):
        raise ValueError(
            "not a SAS token; give the part of the URL after the question mark, which has sv=… and sig=…"
        )
    return secret


def _validate_account_key(secret: SecretStr) -> SecretStr:
    if not is_placeholder(secret) and not decode_base64(secret):
        raise ValueError("not Base64; give a key of the storage account as Azure shows it")
    return secret


def _validate_secret_key(secret: SecretStr) -> SecretStr:
    text = secret.get_secret_value()
    if not text.strip() or re.search(r"\s", text):
        raise ValueError("is empty or has spaces; give the secret of the access key")
    return secret


Recipient = Annotated[str, AfterValidator(_validate_recipient)]
"""A public key of age."""
StorageAccount = Annotated[str, AfterValidator(_validate_account)]
"""The name of a storage account of Azure."""
BlobContainerName = Annotated[str, AfterValidator(_validate_container)]
"""The name of a container of Azure Blob Storage."""
StorageAccountKey = Annotated[SecretStr, AfterValidator(_validate_account_key)]
"""A key of a storage account, in Base64."""
StorePrefix = Annotated[str, AfterValidator(_validate_prefix)]
"""A directory in a bucket or container."""


class S3TargetSettings(Section):
    """A bucket of AWS S3, or of another service with the API of S3."""

    bucket: Annotated[str, AfterValidator(_validate_bucket)]
    """Name of an existing bucket."""
    endpoint: HttpsUrl | None = None
    """URL of a service other than AWS, such as `https://s3.corp.example:9000`. Requests have the bucket in
    their path.
    """
    region: Annotated[str, AfterValidator(_validate_region)] | None = None
    """Region of the bucket; required without `endpoint`."""
    ca_file: FilePath | None = None
    """PEM file of the certificate authority of the service; default: the system's authorities."""
    access_key_id: Annotated[str, AfterValidator(_validate_access_key_id)]
    """ID of an access key that can list, read, write and delete objects below `prefix`."""
    secret_access_key: Annotated[SecretStr, AfterValidator(_validate_secret_key)]
    """Secret of the access key, as an encrypted value (`secure: …`)."""


class AzureBlobTargetSettings(Section):
    """A container of Azure Blob Storage. It has either `sas_token` or `account_key`."""

    account: StorageAccount
    """Name of the storage account."""
    container: BlobContainerName
    """Name of an existing container."""
    endpoint: HttpsUrl | None = None
    """URL of the blob service; default: `https://ACCOUNT.blob.core.windows.net`."""
    ca_file: FilePath | None = None
    """PEM file of the certificate authority of the service; default: the system's authorities."""
    sas_token: Annotated[SecretStr, AfterValidator(_validate_sas_token)] | None = None
    """SAS token of the container with the permissions read, create, write, delete and list, as an encrypted
    value (`secure: …`).
    """
    account_key: StorageAccountKey | None = None
    """Key of the storage account, as an encrypted value (`secure: …`). A SAS token permits less."""


class SnapshotTargetSettings(Section):
    """A place that receives an encrypted copy of each snapshot. Each target has one of `s3`, `azure_blob`
    and `path`.
    """

    s3: S3TargetSettings | None = None
    """A bucket of AWS S3, or of another service with the API of S3."""
    azure_blob: AzureBlobTargetSettings | None = None
    """A container of Azure Blob Storage."""
    path: HostPath | None = None
    """Existing directory on each member in a mounted file system, such as NFS; not in the file system of the
    snapshots.
    """
    prefix: StorePrefix | None = None
    """Directory of the copies in the bucket, container or file system; default: the name of the cluster."""
    keep: Annotated[int, Field(ge=1, le=10000)] = 30
    """Number of copies of each member that the target keeps."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds that are set; one in valid settings."""
        return tuple(kind for kind in ("s3", "azure_blob", "path") if getattr(self, kind) is not None)
