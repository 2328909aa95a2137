"""Storage for the volumes of pods, as plain data [H3]."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from topology.storage_drivers import Ceph, Nfs

DEFAULT_CLASS_ANNOTATION = "storageclass.kubernetes.io/is-default-class"
"""The annotation of the StorageClass of claims that name no class."""
LOCAL_NAMESPACE = "local-path-storage"
"""The namespace of the add-on that provisions local volumes."""
DISKS = "/var/lib/kubewright/disks"
"""The directory on a node with the mount points of the disks of its pool."""
VOLUMES = "/var/lib/kubewright/volumes"
"""The default directory of volumes on a node. The host program never removes it."""


class ReclaimPolicy(StrEnum):
    """What happens to a volume and its data when its claim is deleted."""

    DELETE = "Delete"
    RETAIN = "Retain"


class BindingMode(StrEnum):
    """When a claim gets its volume: when a pod uses it, or at once."""

    WAIT_FOR_FIRST_CONSUMER = "WaitForFirstConsumer"
    IMMEDIATE = "Immediate"


class FileSystem(StrEnum):
    """A file system that disks get."""

    EXT4 = "ext4"
    XFS = "xfs"


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeClass:
    """A StorageClass. `is_default` marks the class of claims that name no class."""

    name: str
    is_default: bool
    reclaim_policy: ReclaimPolicy
    binding_mode: BindingMode


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalStorage:
    """Volumes that are directories on the disks of nodes, made on demand.

    `paths` are the directories on all nodes that `paths_by_node` does not name. A node without directories
    has no volumes.
    """

    volume_class: VolumeClass
    paths: tuple[str, ...]
    paths_by_node: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """A disk of each node of a pool. `devices` are the paths of the disk by the name of the node.

    `capacity` is the quantity of its PersistentVolume, and the minimum size of the disk.
    """

    name: str
    devices: tuple[tuple[str, str], ...]
    capacity: str
    file_system: FileSystem
    mount_options: tuple[str, ...]

    @property
    def volume(self) -> str:
        """The directory on the node that is the volume. It does not exist while the disk is not mounted."""
        return f"{DISKS}/{self.name}/volume"


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """The kinds of storage that a cluster has; None for each other kind.

    `disk_class` is the class of the disks of pools; None if no pool has disks. With `snapshots`, the cluster
    has the controller of volume snapshots. `file_storage_port` is the port of the file storage of a cloud,
    to which nodes connect; 0 without it.
    """

    local: LocalStorage | None = None
    disk_class: VolumeClass | None = None
    nfs: Nfs | None = None
    ceph: Ceph | None = None
    snapshots: bool = False
    file_storage_port: int = 0
