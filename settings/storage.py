"""Settings of volumes: a section for each kind of storage, each with its StorageClass [H3]."""

from __future__ import annotations

from settings.base import Section
from settings.disks import DiskClassSettings
from settings.storage_local import LocalStorageSettings


class StorageSettings(Section):
    """Storage for the volumes of pods. Each kind of storage is off by default."""

    local: LocalStorageSettings | None = None
    """Volumes on the disks of nodes, made on demand; default: none."""
    disks: DiskClassSettings = DiskClassSettings()
    """The StorageClass of the disks in `pools.<name>.disks`."""
