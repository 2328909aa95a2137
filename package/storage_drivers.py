"""Registers the resources of volumes outside the cluster, and of volume snapshots."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pulumi import Input, Resource
from pydantic import SecretStr

from components.addons.ceph_storage import CephStorage, CephStorageArgs
from components.addons.nfs_storage import NfsStorage, NfsStorageArgs
from components.addons.volume_snapshots import VolumeSnapshots, VolumeSnapshotsArgs
from components.api import Api
from components.scope import Scope
from settings.storage import StorageSettings
from settings.storage_ceph import CephDriverSettings
from topology.model import Topology

SecretAt = Callable[[tuple[str, ...], SecretStr], Input[str]]
"""A function that returns the secret at a path in the settings."""


def create_storage_drivers(
    topology: Topology,
    api: Api,
    settings: StorageSettings,
    secret_at: SecretAt,
    policy: Resource | None,
    scope: Scope,
) -> Sequence[Resource]:
    """Create the volumes and drivers of NFS and Ceph, and the controller of snapshots.

    `policy` refuses the deletion of volumes that are bound. Return the definitions of snapshots, empty
    without them.
    """
    storage, options = topology.storage, scope.options()
    snapshots: Sequence[Resource] = ()
    if storage.snapshots:
        arguments = VolumeSnapshotsArgs(api=api, topology=topology)
        snapshots = VolumeSnapshots(scope.name("snapshots"), arguments, options).definitions
    if storage.nfs is not None:
        nfs = NfsStorageArgs(api=api, topology=topology, nfs=storage.nfs, snapshots=snapshots, policy=policy)
        NfsStorage(scope.name("nfs"), nfs, options)
    if storage.ceph is not None and settings.ceph is not None:
        ceph = CephStorageArgs(
            api=api,
            topology=topology,
            ceph=storage.ceph,
            block_key=_key("rbd", settings.ceph.rbd, secret_at),
            files_key=_key("cephfs", settings.ceph.cephfs, secret_at),
            snapshots=snapshots,
        )
        CephStorage(scope.name("ceph"), ceph, options)
    return snapshots


def _key(name: str, driver: CephDriverSettings | None, secret_at: SecretAt) -> Input[str] | None:
    return secret_at(("storage", "ceph", name, "secret_key"), driver.secret_key) if driver else None
