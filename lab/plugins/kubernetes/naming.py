"""Kinds of Kubernetes objects, ids of resources, and generated names."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lab.plugins.runtime.errors import InvalidInput, PluginError
from lab.plugins.runtime.values import UNKNOWN, Secret, Value, reveal

AUTONAMED = "pulumi.com/autonamed"
"""Annotation of an object whose name was generated."""

# Built-in kinds whose objects have no namespace. Objects of all other built-in kinds have a namespace.
CLUSTER_SCOPED = frozenset(
    [
        "APIService",
        "CSIDriver",
        "CSINode",
        "CertificateSigningRequest",
        "ClusterRole",
        "ClusterRoleBinding",
        "ClusterTrustBundle",
        "CustomResourceDefinition",
        "DeviceClass",
        "DeviceTaintRule",
        "FlowSchema",
        "IPAddress",
        "IngressClass",
        "MutatingAdmissionPolicy",
        "MutatingAdmissionPolicyBinding",
        "MutatingWebhookConfiguration",
        "Namespace",
        "Node",
        "PersistentVolume",
        "PriorityClass",
        "PriorityLevelConfiguration",
        "ResourceSlice",
        "RuntimeClass",
        "ServiceCIDR",
        "StorageClass",
        "StorageVersionMigration",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "ValidatingWebhookConfiguration",
        "VolumeAttachment",
        "VolumeAttributesClass",
    ]
)
BUILT_IN_GROUPS = frozenset(
    [
        "apps",
        "autoscaling",
        "batch",
        "policy",
        "admissionregistration.k8s.io",
        "apiextensions.k8s.io",
        "apiregistration.k8s.io",
        "authentication.k8s.io",
        "authorization.k8s.io",
        "certificates.k8s.io",
        "coordination.k8s.io",
        "discovery.k8s.io",
        "events.k8s.io",
        "flowcontrol.apiserver.k8s.io",
        "networking.k8s.io",
        "node.k8s.io",
        "rbac.authorization.k8s.io",
        "resource.k8s.io",
        "scheduling.k8s.io",
        "storage.k8s.io",
        "storagemigration.k8s.io",
    ]
)


@dataclass(frozen=True)
class Kind:
    """A kind of Kubernetes object. With `patch`, the resource patches an object that it does not own."""

    api_version: str
    kind: str
    patch: bool = False

    @property
    def group(self) -> str:
        """Return the API group; empty for the core group."""
        return self.api_version.rpartition("/")[0]

    @property
    def namespaced(self) -> bool | None:
        """Check whether objects of the kind have a namespace. Return None for kinds that are not built in."""
        if self.group and self.group not in BUILT_IN_GROUPS:
            return None
        return self.kind not in CLUSTER_SCOPED


def kind_of(resource_type: str, inputs: Mapping[str, Value]) -> Kind:
    """Return the kind of a resource from its type token (`kubernetes:apps/v1:Deployment`) and inputs.

    Raises:
        PluginError: the token is not a kind of object.
    """
    parts = resource_type.split(":")
    if len(parts) != 3 or not parts[2]:
        raise PluginError(f"{resource_type} is not a Kubernetes resource type")
    version = str(reveal(inputs.get("apiVersion")) or parts[1].removeprefix("core/"))
    kind = str(reveal(inputs.get("kind")) or parts[2])
    if kind.endswith("List") and f"{kind}" == parts[2] and not version.count("."):
        raise PluginError(f"{resource_type}: lists cannot be resources here; declare the objects one by one")
    return Kind(version, kind, patch=parts[2] == f"{kind}Patch" or parts[2].endswith("Patch"))


def random_suffix(seed: bytes) -> str:
    """Return eight hexadecimal digits for a generated name, derived from `seed`, or random if it is empty."""
    return hashlib.sha256(seed).hexdigest()[:8] if seed else secrets.token_hex(4)


def mapping(value: Value) -> dict[str, Any]:
    """Return a value as a map without an outer `Secret` wrapper; an empty map if the value is not a map."""
    inner = value.value if isinstance(value, Secret) else value
    return dict(inner) if isinstance(inner, Mapping) else {}


def metadata(inputs: Mapping[str, Value]) -> dict[str, Any]:
    """Return the metadata of an object without `Secret` wrappers."""
    return mapping(reveal(inputs.get("metadata")))


def annotation(inputs: Mapping[str, Value], name: str) -> str | None:
    """Return the value of an annotation of an object; None if it is missing or unknown."""
    value = mapping(metadata(inputs).get("annotations")).get(name)
    return None if value is None or value is UNKNOWN else str(value)


def annotation_is_true(inputs: Mapping[str, Value], name: str) -> bool:
    """Check whether an annotation of an object has the value `true`."""
    return (annotation(inputs, name) or "").lower() == "true"


def with_name(
    inputs: Mapping[str, Value],
    *,
    kind: Kind,
    name: str,
    olds: Mapping[str, Value],
    seed: bytes,
    namespace: str,
) -> dict[str, Value]:
    """Return the inputs of an object with a name and, for kinds with namespaces, a namespace.

    Args:
        inputs: the inputs in the program.
        kind: the object's kind.
        name: the resource's name in the program, the start of a generated name.
        olds: the inputs of the last deployment, whose generated name is kept.
        seed: the engine's random seed.
        namespace: the provider's default namespace.

    Raises:
        InvalidInput: metadata is not a map, or a patch does not name its object.
    """
    meta_value = inputs.get("metadata")
    if meta_value is UNKNOWN:
        return dict(inputs)
    plain = meta_value.value if isinstance(meta_value, Secret) else meta_value
    if plain is not None and not isinstance(plain, Mapping):
        raise InvalidInput("metadata", f"metadata of {kind.kind} {name} must be a map")
    meta = dict(plain or {})
    if kind.patch and not meta.get("name"):
        raise InvalidInput("metadata.name", f"{kind.kind}Patch {name} must name the object it patches")
    if not meta.get("name") and not meta.get("generateName"):
        old_name = metadata(olds).get("name") if annotation_is_true(olds, AUTONAMED) else None
        meta["name"] = old_name or f"{name.lower()}-{random_suffix(seed)}"
        annotations = meta.get("annotations")
        if annotations is not UNKNOWN:
            meta["annotations"] = {**mapping(annotations), AUTONAMED: "true"}
    if kind.namespaced and not meta.get("namespace"):
        meta["namespace"] = namespace
    return {**inputs, "metadata": Secret(meta) if isinstance(meta_value, Secret) else meta}


def resource_id(obj: Mapping[str, Any]) -> str:
    """Return `namespace/name`, or only the name for objects without a namespace."""
    meta = metadata(obj)
    return f"{meta['namespace']}/{meta['name']}" if meta.get("namespace") else str(meta["name"])


def split_id(identity: str, default_namespace: str) -> tuple[str, str]:
    """Return the namespace and the name in the id `identity` of a resource.

    If the id contains no namespace, return `default_namespace` and the name.
    """
    namespace, slash, name = identity.rpartition("/")
    return (namespace if slash else default_namespace), name


def title(kind: Kind, meta: Mapping[str, Any]) -> str:
    """Return the kind, namespace and name of an object for messages: `Deployment kube-system/coredns`."""
    place = f"{meta['namespace']}/" if meta.get("namespace") else ""
    return f"{kind.kind} {place}{meta.get('name') or meta.get('generateName', '?')}"
