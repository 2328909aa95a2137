"""The places outside the hosts that receive encrypted copies of snapshots of etcd, as plain data.

Credentials are not part of it. They are secret files, whose names `SnapshotTarget.secret` has.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Bucket:
    """A bucket of S3 or, with `endpoint`, of a service with the same interface. `ca` is PEM or empty."""

    bucket: str
    access_key_id: str
    endpoint: str = ""
    region: str = ""
    ca: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobContainer:
    """A container of Blob Storage. `endpoint` is the URL of the account. `ca` is PEM or empty."""

    account: str
    container: str
    endpoint: str
    ca: str = ""


@dataclass(frozen=True, slots=True)
class Directory:
    """A directory on each member, which is on another file system than the snapshots."""

    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotTarget:
    """A target of copies with its name. `prefix` is a directory in the store.

    `keep` is the number of copies of each member.
    """

    name: str
    store: S3Bucket | BlobContainer | Directory
    prefix: str
    keep: int

    @property
    def secret(self) -> str:
        """The name of the secret file with the credentials; empty for a target without credentials."""
        return "" if isinstance(self.store, Directory) else snapshot_secret_name(self.name)


def snapshot_secret_name(target: str) -> str:
    """Return the name of the secret file with the credentials of a target."""
    return f"snapshots-{target}.env"
