"""PersistentVolumes of the disks of pools, and their StorageClass.

The volumes are static: Kubernetes chooses one of them for a claim, and runs the pods of the claim on the node
of the volume.
"""

from __future__ import annotations

from dataclasses import dataclass

import pulumi_kubernetes.core.v1 as core
import pulumi_kubernetes.storage.v1 as storage
from pulumi import ComponentResource, Resource, ResourceOptions
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs

from components.addons.bound_volumes import VOLUME_LABEL
from components.addons.storage_classes import HOSTNAME_LABEL, class_annotations
from components.api import Api
from topology.model import Pool, Topology
from topology.storage import Disk, ReclaimPolicy, VolumeClass

POOL_LABEL, DISK_LABEL = "kubewright.dev/pool", "kubewright.dev/disk"
"""Labels of the volumes, which claims can select."""


@dataclass(frozen=True, kw_only=True)
class DiskVolumesArgs:
    """Arguments of `DiskVolumes`. `policy` refuses the deletion of volumes that are bound."""

    api: Api
    topology: Topology
    disk_class: VolumeClass
    policy: Resource


class DiskVolumes(ComponentResource):
    """The StorageClass of disks, with a PersistentVolume for each disk of each node."""

    def __init__(self, name: str, args: DiskVolumesArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("kubewright:index:DiskVolumes", name, None, opts)
        self._name, self._args = name, args
        disk_class = storage.StorageClass(
            f"{name}-class",
            metadata=ObjectMetaArgs(
                name=args.disk_class.name, annotations=class_annotations(args.disk_class) or None
            ),
            provisioner="kubernetes.io/no-provisioner",
            reclaim_policy=args.disk_class.reclaim_policy,
            volume_binding_mode=args.disk_class.binding_mode,
            opts=args.api.options(self),
        )
        for pool in args.topology.pools:
            for disk in pool.disks:
                for node, _ in disk.devices:
                    self._create_volume(pool, disk, node, disk_class)
        self.register_outputs({})

    def _create_volume(self, pool: Pool, disk: Disk, node: str, disk_class: Resource) -> None:
        expression = core.NodeSelectorRequirementArgs(key=HOSTNAME_LABEL, operator="In", values=[node])
        term = core.NodeSelectorTermArgs(match_expressions=[expression])
        core.PersistentVolume(
            f"{self._name}-{node}-{disk.name}",
            metadata=ObjectMetaArgs(
                name=volume_name(node, disk),
                labels={POOL_LABEL: pool.name, DISK_LABEL: disk.name, VOLUME_LABEL: "disk"},
            ),
            spec=core.PersistentVolumeSpecArgs(
                capacity={"storage": disk.capacity},
                access_modes=["ReadWriteOnce"],
                volume_mode="Filesystem",
                storage_class_name=self._args.disk_class.name,
                persistent_volume_reclaim_policy=ReclaimPolicy.RETAIN,
                local=core.LocalVolumeSourceArgs(path=disk.volume),
                node_affinity=core.VolumeNodeAffinityArgs(
                    required=core.NodeSelectorArgs(node_selector_terms=[term])
                ),
            ),
            opts=self._args.api.options(self, depends_on=[disk_class, self._args.policy]),
        )


def volume_name(node: str, disk: Disk) -> str:
    """Return the name of the PersistentVolume of a disk. Names of disks have no `-`, so names differ."""
    return f"disk-{node}-{disk.name}"
