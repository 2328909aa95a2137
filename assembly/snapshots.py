"""Conversion of the settings of snapshots of etcd to plain data, and their credentials."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pydantic import SecretStr

from assembly.object_stores import build_bucket, build_container
from nodeconfig.snapshot_targets import credentials, environment_text
from settings.cluster import Settings
from settings.problem import SettingPath
from settings.snapshot_targets import SnapshotTargetSettings
from settings.types import parse_seconds
from topology.options import Defragmentation, Snapshots
from topology.snapshot_targets import BlobContainer, Directory, S3Bucket, SnapshotTarget


def build_snapshots(settings: Settings, files: Mapping[str, str] | None) -> Snapshots:
    """Return the snapshots that valid settings describe. `files` maps paths in the settings to texts; without
    it targets have no certificate authority.
    """
    section = settings.etcd.snapshots
    return Snapshots(
        every=parse_seconds(section.every),
        keep=section.keep,
        copy_to=section.copy_to or "",
        copy_to_cloud=settings.cloud is not None and settings.cloud.has_snapshot_copies,
        recipients=section.recipients,
        targets=tuple(_target(settings, name, files) for name in section.to),
        verify=section.verify or "",
    )


def build_defragmentation(settings: Settings) -> Defragmentation | None:
    """Return the schedule of etcd's defragmentation; None for a cluster without it."""
    section = settings.etcd.defragmentation
    return Defragmentation(parse_seconds(section.every), section.free_percent) if section else None


def _target(settings: Settings, name: str, files: Mapping[str, str] | None) -> SnapshotTarget:
    section = settings.etcd.snapshots.to[name]
    return SnapshotTarget(
        name=name,
        store=_store(section, files),
        prefix=section.prefix or settings.name or "",
        keep=section.keep,
    )


def _store(
    section: SnapshotTargetSettings, files: Mapping[str, str] | None
) -> S3Bucket | BlobContainer | Directory:
    if section.s3:
        return build_bucket(section.s3, files)
    if section.azure_blob:
        return build_container(section.azure_blob, section.azure_blob.ca_file, files)
    if section.path:
        return Directory(section.path)
    raise ValueError("the target has no kind; only settings that load() returned are complete")


@dataclass(frozen=True, slots=True)
class TargetCredentials:
    """The credentials of a target: their path in the settings, and their secret."""

    target: SnapshotTarget
    path: SettingPath
    secret: SecretStr

    def variables(self, secret: str) -> dict[str, str]:
        """Return the environment variables of rclone with a secret."""
        return credentials(self.target, str(self.path[-1]), secret)

    def text(self, secret: str) -> str:
        """Return the content of the secret file with a secret."""
        return environment_text(self.variables(secret))


def target_credentials(settings: Settings) -> Iterator[TargetCredentials]:
    """Yield the credentials of each target that has credentials."""
    for name, section in settings.etcd.snapshots.to.items():
        for keys, secret in _secrets(section).items():
            if secret is not None:
                target = _target(settings, name, None)
                yield TargetCredentials(target, ("etcd", "snapshots", "to", name, *keys), secret)


def _secrets(section: SnapshotTargetSettings) -> dict[tuple[str, str], SecretStr | None]:
    """Return the secrets of a target by their keys in its settings."""
    secrets: dict[tuple[str, str], SecretStr | None] = {}
    if section.s3:
        secrets["s3", "secret_access_key"] = section.s3.secret_access_key
    if section.azure_blob:
        secrets["azure_blob", "sas_token"] = section.azure_blob.sas_token
        secrets["azure_blob", "account_key"] = section.azure_blob.account_key
    return secrets
