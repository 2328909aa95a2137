"""Conversion of the settings of storage to plain data."""

from __future__ import annotations

from assembly.pools import CONTROL_PLANE_POOL
from settings.cluster import Settings
from settings.storage_classes import StorageClassSettings
from topology.storage import LocalStorage, Storage, VolumeClass


def build_storage(settings: Settings) -> Storage:
    """Return the storage that valid settings describe."""
    return Storage(local=_local(settings))


def volume_class(section: StorageClassSettings) -> VolumeClass:
    """Return the StorageClass of a kind of storage."""
    return VolumeClass(
        name=section.class_name,
        is_default=section.default_class,
        reclaim_policy=section.reclaim_policy,
        binding_mode=section.binding_mode,
    )


def _local(settings: Settings) -> LocalStorage | None:
    section = settings.storage.local
    if section is None:
        return None
    pools = {CONTROL_PLANE_POOL: settings.control_planes.hosts}
    pools |= {name: pool.hosts for name, pool in settings.pools.items()}
    by_pool = {host: paths for pool, paths in section.pools.items() for host in pools[pool]}
    return LocalStorage(
        volume_class=volume_class(section),
        paths=section.paths,
        paths_by_node=tuple(sorted((by_pool | section.hosts).items())),
    )
