"""Settings of volumes: a section for each kind of storage, each with its StorageClass [H3]."""

from __future__ import annotations

from settings.base import Section
from settings.disks import DiskClassSettings
from settings.storage_ceph import CephStorageSettings
from settings.storage_local import LocalStorageSettings
from settings.storage_nfs import NfsStorageSettings


class StorageSettings(Section):
    """Storage for the volumes of pods. Each kind of storage is off by default."""

    local: LocalStorageSettings | None = None
    """Volumes on the disks of nodes, provisioned dynamically; default: none."""
    disks: DiskClassSettings = DiskClassSettings()
    """The StorageClass of the disks in `pools.<name>.disks`."""
    nfs: NfsStorageSettings | None = None
    """Volumes on NFS servers; default: none."""
    ceph: CephStorageSettings | None = None
    """Volumes in an external Ceph cluster; default: none."""
    snapshots: bool = False
    """Install the definitions and the controller of volume snapshots, and a VolumeSnapshotClass for each
    driver of `nfs` and `ceph`.
    """
