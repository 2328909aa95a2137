"""Conversion of the settings of storage to plain data [H3]."""

from __future__ import annotations

from assembly.storage_drivers import build_ceph, build_nfs, volume_class
from settings.cluster import Settings
from settings.pools import PoolSettings
from topology.storage import Disk, LocalStorage, Storage

_CONTROL_PLANES = "control-plane"


def build_storage(settings: Settings) -> Storage:
    """Return the storage that valid settings describe."""
    files = settings.cloud.file_storage if settings.cloud else None
    has_disks = any(pool.disks for pool in settings.pools.values())
    return Storage(
        local=_local(settings),
        disk_class=volume_class(settings.storage.disks) if has_disks else None,
        nfs=build_nfs(settings.storage.nfs),
        ceph=build_ceph(settings.storage.ceph),
        snapshots=settings.storage.snapshots,
        file_storage_port=files.port if files else 0,
    )


def build_disks(pool: PoolSettings) -> tuple[Disk, ...]:
    """Return the disks of a pool."""
    return tuple(
        Disk(
            name=name,
            devices=tuple((host, disk.devices.get(host, disk.device or "")) for host in pool.hosts),
            capacity=disk.capacity,
            file_system=disk.filesystem,
            mount_options=disk.mount_options,
        )
        for name, disk in pool.disks.items()
    )


def _local(settings: Settings) -> LocalStorage | None:
    section = settings.storage.local
    if section is None:
        return None
    pools = {_CONTROL_PLANES: settings.control_planes.hosts}
    pools |= {name: pool.hosts for name, pool in settings.pools.items()}
    by_pool = {host: paths for pool, paths in section.pools.items() for host in pools[pool]}
    return LocalStorage(
        volume_class=volume_class(section),
        paths=section.paths,
        paths_by_node=tuple(sorted((by_pool | section.hosts).items())),
    )
