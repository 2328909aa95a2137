"""Registers the storage of a cluster: the StorageClasses and the provisioners of their volumes."""

from __future__ import annotations

from collections.abc import Sequence

from pulumi import Resource

from components.addons.bound_volumes import BoundVolumes, BoundVolumesArgs
from components.addons.disk_volumes import DiskVolumes, DiskVolumesArgs
from components.addons.local_storage import LocalStorageAddOn, LocalStorageArgs
from components.api import Api
from components.scope import Scope
from package.storage_drivers import SecretAt, create_storage_drivers
from settings.storage import StorageSettings
from topology.model import Topology


def create_storage(
    topology: Topology, api: Api, settings: StorageSettings, secret_at: SecretAt, scope: Scope
) -> Sequence[Resource]:
    """Create each kind of storage that the cluster has. Return the definitions of snapshots."""
    local = topology.storage.local
    if local is not None:
        arguments = LocalStorageArgs(api=api, topology=topology, local=local)
        LocalStorageAddOn(scope.name("local-storage"), arguments, scope.options())
    disk_class, nfs = topology.storage.disk_class, topology.storage.nfs
    policy = None
    if disk_class is not None or (nfs is not None and nfs.volumes):
        policy = BoundVolumes(scope.name("bound-volumes"), BoundVolumesArgs(api=api), scope.options()).binding
    if disk_class is not None and policy is not None:
        disks = DiskVolumesArgs(api=api, topology=topology, disk_class=disk_class, policy=policy)
        DiskVolumes(scope.name("disk-volumes"), disks, scope.options())
    return create_storage_drivers(topology, api, settings, secret_at, policy, scope)
