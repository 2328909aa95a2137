"""Conversion of the settings of NFS and Ceph to plain data."""

from __future__ import annotations

from assembly.charts import build_chart
from settings.storage_ceph import CephBlockSettings, CephFilesSettings, CephStorageSettings
from settings.storage_classes import StorageClassSettings
from settings.storage_drivers import DriverSettings
from settings.storage_nfs import NfsDriverSettings, NfsStorageSettings, NfsVolumeSettings, nfs_version
from topology.storage import VolumeClass
from topology.storage_drivers import (
    Ceph,
    CephBlock,
    CephFiles,
    MountedClass,
    Nfs,
    NfsDriver,
    NfsVolume,
)


def volume_class(section: StorageClassSettings) -> VolumeClass:
    """Return the StorageClass of a kind of storage."""
    return VolumeClass(
        name=section.class_name,
        is_default=section.default_class,
        reclaim_policy=section.reclaim_policy,
        binding_mode=section.binding_mode,
    )


def mounted_class(section: DriverSettings, options: tuple[str, ...]) -> MountedClass:
    """Return the StorageClass of a driver with these mount options."""
    return MountedClass(
        volume_class=volume_class(section), expandable=section.expansion, mount_options=options
    )


def build_nfs(section: NfsStorageSettings | None) -> Nfs | None:
    """Return the NFS volumes that valid settings describe; None if nodes need no NFS client."""
    if section is None:
        return None
    return Nfs(
        volumes=tuple(_volume(name, volume) for name, volume in section.volumes.items()),
        driver=_nfs_driver(section.driver) if section.driver else None,
    )


def build_ceph(section: CephStorageSettings | None) -> Ceph | None:
    """Return the Ceph cluster that valid settings describe; None without a Ceph cluster."""
    if section is None:
        return None
    return Ceph(
        cluster_id=section.cluster_id,
        monitors=section.monitors,
        block=_block(section.rbd) if section.rbd else None,
        files=_files(section.cephfs) if section.cephfs else None,
    )


def _volume(name: str, section: NfsVolumeSettings) -> NfsVolume:
    namespace, _, claim = (section.claim or "").partition("/")
    return NfsVolume(
        name=name,
        server=section.server,
        path=section.path,
        capacity=section.capacity,
        access_modes=tuple(section.access_modes),
        mount_options=_with_version(section.mount_options),
        reclaim_policy=section.reclaim_policy,
        class_name=section.class_name or "",
        claim=(namespace, claim) if claim else None,
    )


def _with_version(options: tuple[str, ...]) -> tuple[str, ...]:
    """Return mount options with a version of NFS. Without one, a client would try version 3 too, whose locks
    need daemons that nodes do not have.
    """
    return options if nfs_version(options) else ("vers=4", *options)


def _nfs_driver(section: NfsDriverSettings) -> NfsDriver:
    return NfsDriver(
        storage_class=mounted_class(section, _with_version(section.mount_options)),
        server=section.server,
        path=section.path,
        chart=build_chart(section),
    )


def _block(section: CephBlockSettings) -> CephBlock:
    return CephBlock(
        storage_class=mounted_class(section, section.mount_options),
        pool=section.pool,
        data_pool=section.data_pool or "",
        file_system=section.file_system,
        user=section.user,
        chart=build_chart(section),
    )


def _files(section: CephFilesSettings) -> CephFiles:
    return CephFiles(
        storage_class=mounted_class(section, section.mount_options),
        file_system=section.file_system,
        pool=section.pool or "",
        user=section.user,
        chart=build_chart(section),
    )
