"""Volumes on NFS servers: PersistentVolumes of the settings, and csi-driver-nfs for dynamic volumes [H3]."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi_kubernetes.core.v1 as core
from pulumi import ComponentResource, Resource, ResourceOptions
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs

from components.addons.bound_volumes import VOLUME_LABEL
from components.addons.chart_release import Values, create_release
from components.addons.volume_classes import (
    create_driver_namespace,
    create_snapshot_class,
    create_storage_class,
)
from components.api import Api
from topology.model import Topology
from topology.storage_drivers import NFS_DRIVER, NFS_NAMESPACE, Nfs, NfsDriver, NfsVolume


@dataclass(frozen=True, kw_only=True)
class NfsStorageArgs:
    """Arguments of `NfsStorage`. `snapshots` are the definitions of snapshots, empty without them.

    `policy` refuses the deletion of volumes that are bound; None if the settings have no volumes.
    """

    api: Api
    topology: Topology
    nfs: Nfs
    snapshots: Sequence[Resource] = ()
    policy: Resource | None = None


class NfsStorage(ComponentResource):
    """The PersistentVolumes of the settings, and the driver with its StorageClass."""

    def __init__(self, name: str, args: NfsStorageArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("kubewright:index:NfsStorage", name, None, opts)
        self._name, self._args = name, args
        for volume in args.nfs.volumes:
            self._create_volume(volume)
        if args.nfs.driver is not None:
            self._create_driver(args.nfs.driver)
        self.register_outputs({})

    def _create_volume(self, volume: NfsVolume) -> None:
        claim = None
        if volume.claim is not None:
            namespace, name = volume.claim
            claim = core.ObjectReferenceArgs(
                api_version="v1", kind="PersistentVolumeClaim", namespace=namespace, name=name
            )
        core.PersistentVolume(
            f"{self._name}-volume-{volume.name}",
            metadata=ObjectMetaArgs(name=volume.name, labels={VOLUME_LABEL: "nfs"}),
            spec=core.PersistentVolumeSpecArgs(
                capacity={"storage": volume.capacity},
                access_modes=list(volume.access_modes),
                persistent_volume_reclaim_policy=volume.reclaim_policy,
                storage_class_name=volume.class_name,
                mount_options=list(volume.mount_options),
                claim_ref=claim,
                nfs=core.NFSVolumeSourceArgs(server=volume.server, path=volume.path),
            ),
            opts=self._args.api.options(
                self, depends_on=[self._args.policy] if self._args.policy is not None else []
            ),
        )

    def _create_driver(self, driver: NfsDriver) -> None:
        api, name = self._args.api, f"{self._name}-driver"
        namespace = create_driver_namespace(name, NFS_NAMESPACE, api, self)
        after = [namespace, *self._args.snapshots]
        create_release(
            name,
            driver.chart,
            "csi-driver-nfs",
            NFS_NAMESPACE,
            nfs_driver_values(snapshots=self._args.topology.storage.snapshots),
            self._args.topology,
            api.options(self, depends_on=after),
        )
        create_storage_class(
            f"{name}-class",
            driver.storage_class,
            NFS_DRIVER,
            {"server": driver.server, "share": driver.path},
            api.options(self),
        )
        if self._args.topology.storage.snapshots:
            create_snapshot_class(
                f"{name}-snapshot-class",
                driver.storage_class.volume_class,
                NFS_DRIVER,
                {},
                api.options(self, depends_on=self._args.snapshots),
            )


def nfs_driver_values(*, snapshots: bool) -> Values:
    """Return the values of the chart. Kubewright creates the classes itself, so that previews show them."""
    return {
        # The sidecar for snapshots fails without their definitions.
        "controller": {"enableSnapshotter": snapshots},
        "externalSnapshotter": {"enabled": False, "customResourceDefinitions": {"enabled": False}},
        "storageClass": {"create": False},
        "volumeSnapshotClass": {"create": False},
    }
