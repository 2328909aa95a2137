"""Conversion of the settings of object stores, which several sections have, to plain data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from settings.snapshot_targets import S3TargetSettings
from topology.snapshot_targets import BlobContainer, S3Bucket


def build_bucket(section: S3TargetSettings, files: Mapping[str, str] | None) -> S3Bucket:
    """Return a bucket of S3. `files` maps paths in the settings to texts; without it the bucket has no
    certificate authority.
    """
    return S3Bucket(
        bucket=section.bucket,
        access_key_id=section.access_key_id,
        endpoint=section.endpoint or "",
        region=section.region or "",
        ca=_authority(section.ca_file, files),
    )


class ContainerSettings(Protocol):
    """What all sections of a container of Blob Storage have."""

    account: str
    container: str
    endpoint: str | None


def build_container(
    section: ContainerSettings, ca_file: str | None, files: Mapping[str, str] | None
) -> BlobContainer:
    """Return a container of Blob Storage. `ca_file` is the path of its certificate authority in `files`."""
    return BlobContainer(
        account=section.account,
        container=section.container,
        endpoint=section.endpoint or f"https://{section.account}.blob.core.windows.net",
        ca=_authority(ca_file, files),
    )


def _authority(ca_file: str | None, files: Mapping[str, str] | None) -> str:
    return files[ca_file] if files is not None and ca_file else ""
