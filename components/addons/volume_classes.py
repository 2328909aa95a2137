"""Classes of volumes and of snapshots, and namespaces of CSI drivers [H3]."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pulumi_kubernetes.core.v1 as core
import pulumi_kubernetes.storage.v1 as storage
from pulumi import CustomResource, Input, Resource, ResourceOptions
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs

from components.addons.chart_release import Values
from components.addons.default_accounts import create_default_account
from components.addons.storage_classes import class_annotations
from components.addons.workload import pod_security_labels
from components.api import Api
from topology.model import Role, Topology
from topology.storage import VolumeClass
from topology.storage_drivers import MountedClass

_SNAPSHOTS = "snapshot.storage.k8s.io/v1"
_SNAPSHOT_CLASS = "VolumeSnapshotClass"


def create_storage_class(
    name: str,
    storage_class: MountedClass,
    provisioner: str,
    parameters: Mapping[str, Input[str]],
    opts: ResourceOptions,
) -> storage.StorageClass:
    """Create the StorageClass of a driver. `name` is the name of the Pulumi resource."""
    volume_class = storage_class.volume_class
    return storage.StorageClass(
        name,
        metadata=ObjectMetaArgs(name=volume_class.name, annotations=class_annotations(volume_class)),
        provisioner=provisioner,
        parameters=dict(parameters),
        reclaim_policy=volume_class.reclaim_policy,
        volume_binding_mode=volume_class.binding_mode,
        allow_volume_expansion=storage_class.expandable,
        mount_options=list(storage_class.mount_options) or None,
        opts=opts,
    )


def create_snapshot_class(
    name: str,
    volume_class: VolumeClass,
    driver: str,
    parameters: Mapping[str, str],
    opts: ResourceOptions,
) -> Resource:
    """Create the VolumeSnapshotClass of a driver, with name and reclaim policy of its StorageClass."""
    inputs = {
        "apiVersion": _SNAPSHOTS,
        "kind": _SNAPSHOT_CLASS,
        "metadata": {"name": volume_class.name},
        "driver": driver,
        "deletionPolicy": str(volume_class.reclaim_policy),
        **({"parameters": dict(parameters)} if parameters else {}),
    }
    # The class CustomResource of pulumi-kubernetes supports only objects with a `spec`.
    return CustomResource(f"kubernetes:{_SNAPSHOTS}:{_SNAPSHOT_CLASS}", name, inputs, opts)


def create_driver_namespace(name: str, namespace: str, api: Api, parent: Resource) -> core.Namespace:
    """Create the namespace of a driver. Its pods mount volumes for other pods, so they are privileged."""
    created = core.Namespace(
        f"{name}-namespace",
        metadata=ObjectMetaArgs(name=namespace, labels=pod_security_labels("privileged")),
        opts=api.options(parent),
    )
    create_default_account(f"{name}-default-account", namespace, api.options(parent, depends_on=[created]))
    return created


def controller_replicas(topology: Topology) -> int:
    """Return the number of pods of a controller: two, if the cluster has a node for the second pod."""
    nodes = sum(Role.NODE in machine.roles for machine in topology.machines)
    nodes += sum(pool.capacity.max_size for pool in topology.pools if pool.capacity)
    return 1 if nodes == 1 else 2


def all_nodes() -> Sequence[Values]:
    """Return the tolerations of pods that run on all nodes."""
    return [{"operator": "Exists"}]
