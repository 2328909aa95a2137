"""The fields whose change replaces an object, as in the official plugin and by the rules of the API
server.
"""

from __future__ import annotations

from .naming import Kind

_SELECTOR = ("spec.selector",)
_VOLUME_SOURCES = [
    "awsElasticBlockStore",
    "azureDisk",
    "azureFile",
    "cephfs",
    "cinder",
    "csi",
    "fc",
    "flexVolume",
    "flocker",
    "gcePersistentDisk",
    "glusterfs",
    "hostPath",
    "iscsi",
    "local",
    "nfs",
    "photonPersistentDisk",
    "portworxVolume",
    "quobyte",
    "rbd",
    "scaleIO",
    "storageos",
    "vsphereVolume",
]
# The API allows changes of only these fields of a running pod.
POD_MUTABLE = ("spec.activeDeadlineSeconds", "spec.tolerations", "spec.schedulingGates")

# By API group and kind: the fields whose change replaces the object.
IMMUTABLE: dict[tuple[str, str], tuple[str, ...]] = {
    ("apps", "Deployment"): _SELECTOR,
    ("apps", "DaemonSet"): _SELECTOR,
    ("apps", "ReplicaSet"): _SELECTOR,
    ("apps", "StatefulSet"): (
        *_SELECTOR,
        "spec.podManagementPolicy",
        "spec.serviceName",
        "spec.volumeClaimTemplates",
    ),
    ("batch", "Job"): ("spec.completions", "spec.completionMode", "spec.selector", "spec.template"),
    ("", "ConfigMap"): ("data", "binaryData"),
    ("", "Secret"): ("type", "data", "stringData"),
    ("", "Service"): ("spec.clusterIP", "spec.clusterIPs"),
    ("", "PersistentVolume"): tuple(f"spec.{source}" for source in _VOLUME_SOURCES),
    ("", "PersistentVolumeClaim"): (
        "spec.accessModes",
        "spec.dataSource",
        "spec.selector",
        "spec.storageClassName",
        "spec.volumeMode",
        "spec.volumeName",
    ),
    ("", "Pod"): ("spec",),
    ("", "ResourceQuota"): ("spec.scopes",),
    ("rbac.authorization.k8s.io", "RoleBinding"): ("roleRef",),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): ("roleRef",),
    ("storage.k8s.io", "StorageClass"): ("parameters", "provisioner", "reclaimPolicy", "volumeBindingMode"),
    ("scheduling.k8s.io", "PriorityClass"): ("value", "preemptionPolicy"),
    ("node.k8s.io", "RuntimeClass"): ("handler",),
    ("networking.k8s.io", "IngressClass"): ("spec.controller",),
}
IDENTITY_FIELDS = ("apiVersion", "kind", "metadata.name", "metadata.namespace")


def needs_replacement(
    kind: Kind, path: str, *, config_maps_mutable: bool, secrets_mutable: bool, immutable: bool = False
) -> bool:
    """Check whether a change of the field at `path` replaces the object.

    Args:
        kind: the object's kind.
        path: the changed property, such as `spec.template.spec.containers[0].image`.
        config_maps_mutable: the provider's enableConfigMapMutable.
        secrets_mutable: the provider's enableSecretMutable.
        immutable: the old ConfigMap or Secret has `immutable: true`.
    """
    if _is_within(path, IDENTITY_FIELDS):
        return True
    if kind.patch:
        return False
    fields = IMMUTABLE.get((kind.group, kind.kind), ())
    if kind.kind == "Pod" and kind.group == "":
        return _is_within(path, fields) and not _is_within(path, POD_MUTABLE)
    if kind.group == "" and kind.kind in ("ConfigMap", "Secret"):
        if immutable and _is_within(path, (*fields, "immutable")):
            return True
        mutable = config_maps_mutable if kind.kind == "ConfigMap" else secrets_mutable
        fields = tuple(field for field in fields if field == "type" or not mutable)
    return _is_within(path, fields)


def _is_within(path: str, fields: tuple[str, ...]) -> bool:
    """Check whether a path is one of the fields or below one of the fields."""
    return any(path == field or path.startswith((f"{field}.", f"{field}[")) for field in fields)
