"""Volumes in a Ceph cluster, by the official charts of ceph-csi [H3].

Each driver has its own namespace, because both charts create ConfigMaps with the same names. Kubewright
creates the Secrets with the keys of users, because Helm stores values of charts in its records.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi_kubernetes.core.v1 as core
from pulumi import ComponentResource, Input, Output, Resource, ResourceOptions
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs

from components.addons.chart_release import Values, create_release
from components.addons.volume_classes import (
    all_nodes,
    controller_replicas,
    create_driver_namespace,
    create_snapshot_class,
    create_storage_class,
)
from components.api import Api
from topology.model import Topology
from topology.storage_drivers import (
    CEPHFS_DRIVER,
    CEPHFS_NAMESPACE,
    RBD_DRIVER,
    RBD_NAMESPACE,
    Ceph,
    CephBlock,
    CephFiles,
)

_SECRET = "user"
_SECRET_USERS = ("provisioner", "controller-expand", "node-stage")
"""The operations of a driver that need the key of the user."""
_KERNEL_OPTION = "ms_mode=prefer-crc"
"""Tells the kernel that monitors speak the second protocol (ceph-csi, docs/ceph-mount-corruption.md and
man mount.ceph): checksums, or encryption where the monitors require it.
"""


@dataclass(frozen=True, kw_only=True)
class CephStorageArgs:
    """Arguments of `CephStorage`. `block_key` and `files_key` are the keys of the users of the drivers;
    `snapshots` are the definitions of snapshots, empty without them.
    """

    api: Api
    topology: Topology
    ceph: Ceph
    block_key: Input[str] | None = None
    files_key: Input[str] | None = None
    snapshots: Sequence[Resource] = ()


class CephStorage(ComponentResource):
    """The drivers of a Ceph cluster with their StorageClasses."""

    def __init__(self, name: str, args: CephStorageArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("kubewright:index:CephStorage", name, None, opts)
        self._name, self._args = name, args
        if args.ceph.block is not None and args.block_key is not None:
            driver = args.ceph.block
            parameters = block_parameters(args.ceph, driver)
            self._create("rbd", driver, RBD_DRIVER, RBD_NAMESPACE, args.block_key, parameters)
        if args.ceph.files is not None and args.files_key is not None:
            files = args.ceph.files
            parameters = files_parameters(args.ceph, files)
            self._create("cephfs", files, CEPHFS_DRIVER, CEPHFS_NAMESPACE, args.files_key, parameters)
        self.register_outputs({})

    def _create(
        self,
        kind: str,
        driver: CephBlock | CephFiles,
        provisioner: str,
        namespace: str,
        key: Input[str],
        parameters: Mapping[str, str],
    ) -> None:
        api, topology, name = self._args.api, self._args.topology, f"{self._name}-{kind}"
        created = create_driver_namespace(name, namespace, api, self)
        create_release(
            name,
            driver.chart,
            namespace,
            namespace,
            driver_values(topology, self._args.ceph),
            topology,
            api.options(self, depends_on=[created, *self._args.snapshots]),
        )
        secret = self._create_secret(name, namespace, driver.user, key, created)
        secrets = {f"{use}-secret": namespace for use in _SECRET_USERS}
        create_storage_class(
            f"{name}-class",
            driver.storage_class,
            provisioner,
            {**parameters, **_secret_parameters(secrets)},
            api.options(self, depends_on=[secret]),
        )
        if topology.storage.snapshots:
            create_snapshot_class(
                f"{name}-snapshot-class",
                driver.storage_class.volume_class,
                provisioner,
                {
                    "clusterID": self._args.ceph.cluster_id,
                    **_secret_parameters({"snapshotter-secret": namespace}),
                },
                api.options(self, depends_on=[secret, *self._args.snapshots]),
            )

    def _create_secret(
        self, name: str, namespace: str, user: str, key: Input[str], created: Resource
    ) -> core.Secret:
        secret = Output.secret(key)
        # CephFS needs the keys `admin…` in some versions of ceph-csi, and the keys `user…` in others.
        return core.Secret(
            f"{name}-key",
            metadata=ObjectMetaArgs(name=_SECRET, namespace=namespace),
            string_data={"userID": user, "userKey": secret, "adminID": user, "adminKey": secret},
            opts=self._args.api.options(self, depends_on=[created]),
        )


def driver_values(topology: Topology, ceph: Ceph) -> Values:
    """Return the values of both charts.

    Kubewright creates the classes and Secrets itself. Metrics are off, because their port would be open on
    all nodes.
    """
    return {
        "csiConfig": [{"clusterID": ceph.cluster_id, "monitors": list(ceph.monitors)}],
        "nodeplugin": {"tolerations": all_nodes(), "httpMetrics": {"enabled": False}},
        "provisioner": {
            "replicaCount": controller_replicas(topology),
            "httpMetrics": {"enabled": False},
        },
        "storageClass": {"create": False},
        "secret": {"create": False},
    }


def block_parameters(ceph: Ceph, driver: CephBlock) -> dict[str, str]:
    """Return the parameters of the StorageClass of RBD, without Secrets."""
    return {
        "clusterID": ceph.cluster_id,
        "pool": driver.pool,
        **({"dataPool": driver.data_pool} if driver.data_pool else {}),
        "imageFeatures": "layering",
        "csi.storage.k8s.io/fstype": driver.file_system,
        **({"mapOptions": f"krbd:{_KERNEL_OPTION}"} if ceph.uses_second_protocol else {}),
    }


def files_parameters(ceph: Ceph, driver: CephFiles) -> dict[str, str]:
    """Return the parameters of the StorageClass of CephFS, without Secrets."""
    return {
        "clusterID": ceph.cluster_id,
        "fsName": driver.file_system,
        **({"pool": driver.pool} if driver.pool else {}),
        **({"kernelMountOptions": _KERNEL_OPTION} if ceph.uses_second_protocol else {}),
    }


def _secret_parameters(namespaces: Mapping[str, str]) -> dict[str, str]:
    """Return the parameters that name the Secret of each operation, by the namespace of the Secret."""
    parameters: dict[str, str] = {}
    for use, namespace in namespaces.items():
        parameters[f"csi.storage.k8s.io/{use}-name"] = _SECRET
        parameters[f"csi.storage.k8s.io/{use}-namespace"] = namespace
    return parameters
