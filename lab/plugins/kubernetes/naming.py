"""What a resource is called: its kind, its id, and its name where the program gives none."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lab.plugins.runtime.errors import InvalidInput, PluginError
from lab.plugins.runtime.values import UNKNOWN, Secret, Value, reveal

AUTONAMED = "pulumi.com/autonamed"

# Kinds of the API server itself that live outside of namespaces; every other kind it has lives in one.
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
    """A kind of object, and whether the resource is a patch of an object that others own."""

    api_version: str
    kind: str
    patch: bool = False

    @property
    def group(self) -> str:
        """The API group; empty for the core."""
        return self.api_version.rpartition("/")[0]

    @property
    def namespaced(self) -> bool | None:
        """Whether its objects live in a namespace; None for kinds only the cluster knows."""
        if self.group and self.group not in BUILT_IN_GROUPS:
            return None
        return self.kind not in CLUSTER_SCOPED


def kind_of(resource_type: str, inputs: Mapping[str, Value]) -> Kind:
    """The kind of a resource from its type token (`kubernetes:apps/v1:Deployment`) and inputs.

    Raises:
        PluginError: the token is no kind of object.
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
    """Eight hexadecimal digits; the same for the same non-empty seed."""
    return hashlib.sha256(seed).hexdigest()[:8] if seed else secrets.token_hex(4)


def mapping(value: Value) -> dict[str, Any]:
    """The map in a possibly secret or missing value; empty when there is none."""
    inner = value.value if isinstance(value, Secret) else value
    return dict(inner) if isinstance(inner, Mapping) else {}


def metadata(inputs: Mapping[str, Value]) -> dict[str, Any]:
    """The object's metadata without secret wrappers."""
    return mapping(reveal(inputs.get("metadata")))


def annotation(inputs: Mapping[str, Value], name: str) -> str | None:
    """An annotation's text, or None."""
    value = mapping(metadata(inputs).get("annotations")).get(name)
    return None if value is None or value is UNKNOWN else str(value)


def is_true(inputs: Mapping[str, Value], name: str) -> bool:
    """Whether an annotation says true."""
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
    """Inputs with a name and, for kinds known to have one, a namespace.

    Args:
        inputs: as the program gives them.
        kind: the object's kind.
        name: the resource's name in the program, the start of a generated name.
        olds: the previous inputs, whose generated name is kept.
        seed: the engine's random seed.
        namespace: the provider's default namespace.

    Raises:
        InvalidInput: metadata is no map, or a patch does not say what it patches.
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
        old_name = metadata(olds).get("name") if is_true(olds, AUTONAMED) else None
        meta["name"] = old_name or f"{name.lower()}-{random_suffix(seed)}"
        annotations = meta.get("annotations")
        if annotations is not UNKNOWN:
            meta["annotations"] = {**mapping(annotations), AUTONAMED: "true"}
    if kind.namespaced and not meta.get("namespace"):
        meta["namespace"] = namespace
    return {**inputs, "metadata": Secret(meta) if isinstance(meta_value, Secret) else meta}


def resource_id(obj: Mapping[str, Any]) -> str:
    """`namespace/name`, or the name alone for objects outside of namespaces."""
    meta = metadata(obj)
    return f"{meta['namespace']}/{meta['name']}" if meta.get("namespace") else str(meta["name"])


def split_id(identity: str, default_namespace: str) -> tuple[str, str]:
    """Namespace and name of an id; the default namespace when it has none."""
    namespace, slash, name = identity.rpartition("/")
    return (namespace if slash else default_namespace), name


def title(kind: Kind, meta: Mapping[str, Any]) -> str:
    """How messages call an object: `Deployment kube-system/coredns`."""
    place = f"{meta['namespace']}/" if meta.get("namespace") else ""
    return f"{kind.kind} {place}{meta.get('name') or meta.get('generateName', '?')}"
