"""Volumes on servers outside the cluster: NFS exports and Ceph clusters [H3]."""

from __future__ import annotations

from dataclasses import dataclass

from topology.charts import Chart
from topology.storage import ReclaimPolicy, VolumeClass

NFS_DRIVER = "nfs.csi.k8s.io"
NFS_NAMESPACE = "csi-driver-nfs"
NFS_VERSION = "4.13.4"
"""The default version of csi-driver-nfs. The values of its chart are for this minor version."""
NFS_REPOSITORY = "https://raw.githubusercontent.com/kubernetes-csi/csi-driver-nfs/master/charts"

RBD_DRIVER = "rbd.csi.ceph.com"
RBD_NAMESPACE = "ceph-csi-rbd"
CEPHFS_DRIVER = "cephfs.csi.ceph.com"
CEPHFS_NAMESPACE = "ceph-csi-cephfs"
CEPH_VERSION = "3.17.0"
"""The default version of ceph-csi. The values of its charts are for this minor version."""
CEPH_REPOSITORY = "https://ceph.github.io/csi-charts"
MESSENGER_V2_PORT = 3300
"""The port of monitors that speak only the second protocol, which the kernel must be told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MountedClass:
    """A StorageClass of a CSI driver. With `expandable`, claims can become larger."""

    volume_class: VolumeClass
    expandable: bool
    mount_options: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NfsVolume:
    """A PersistentVolume that is a directory of an NFS server.

    `class_name` is empty for a volume without a class. Only the claim `claim` (namespace and name) gets the
    volume; None: the first claim that fits.
    """

    name: str
    server: str
    path: str
    capacity: str
    access_modes: tuple[str, ...]
    mount_options: tuple[str, ...]
    reclaim_policy: ReclaimPolicy
    class_name: str
    claim: tuple[str, str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NfsDriver:
    """csi-driver-nfs, which creates a directory below `path` of the server for each claim."""

    storage_class: MountedClass
    server: str
    path: str
    chart: Chart


@dataclass(frozen=True, slots=True, kw_only=True)
class Nfs:
    """NFS: the client on all nodes, volumes of the settings, and a driver for dynamic provisioning."""

    volumes: tuple[NfsVolume, ...] = ()
    driver: NfsDriver | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CephBlock:
    """The driver of RBD: block devices in a pool, with a file system each. The key of `user` is a secret."""

    storage_class: MountedClass
    pool: str
    data_pool: str
    file_system: str
    user: str
    chart: Chart


@dataclass(frozen=True, slots=True, kw_only=True)
class CephFiles:
    """The driver of CephFS: directories of a file system. The key of `user` is a secret."""

    storage_class: MountedClass
    file_system: str
    pool: str
    user: str
    chart: Chart


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceph:
    """A Ceph cluster, and the drivers that use it. `monitors` are `HOST:PORT`."""

    cluster_id: str
    monitors: tuple[str, ...]
    block: CephBlock | None = None
    files: CephFiles | None = None

    @property
    def uses_second_protocol(self) -> bool:
        """Whether the monitors speak only the second protocol."""
        return all(monitor.endswith(f":{MESSENGER_V2_PORT}") for monitor in self.monitors)
