"""Invalid settings of storage: its StorageClasses, and volumes on the disks of nodes."""

from __future__ import annotations

from typing import Any

from tests.unit.settings.support import HIGHLY_AVAILABLE, InvalidSettings
from tests.unit.settings.wrong_clouds import AWS, AZURE

LOCAL = "storage.local"


def invalid(path: str, phrase: str, **section: Any) -> InvalidSettings:  # noqa: ANN401 - JSON
    """Return settings of local volumes with a problem at `path` below their section."""
    return InvalidSettings(f"{LOCAL}.{path}", phrase, {LOCAL: section})


STORAGE = (
    InvalidSettings("storage.locl", "unknown key; did you mean local?", {"storage.locl": {}}),
    # StorageClasses
    invalid("class_name", '"Fast disks": not a DNS name', class_name="Fast disks"),
    invalid("reclaim_policy", '"Recycle": unknown; allowed: Delete, Retain', reclaim_policy="Recycle"),
    invalid("binding_mode", '"Later": unknown; allowed: WaitForFirstConsumer', binding_mode="Later"),
    invalid("binding_mode", "a local volume is on the node of its pod", binding_mode="Immediate"),
    invalid("default_class", '"always": must be true or false', default_class="always"),
    InvalidSettings(
        f"{LOCAL}.default_class",
        "true: a cluster has one default class, and aws.addons.storage has it",
        {LOCAL: {"default_class": True}},
        base=AWS,
    ),
    InvalidSettings(
        f"{LOCAL}.class_name",
        '"managed-premium": is the class of azure.addons.storage; choose another name',
        {LOCAL: {"class_name": "managed-premium"}},
        base=AZURE,
    ),
    # Directories
    invalid("paths[0]", '"disks/a": not a directory on a host', paths=["disks/a"]),
    invalid("paths[0]", '"/": not a directory on a host', paths=["/"]),
    invalid("paths[1]", '"/mnt/a": named twice; remove one', paths=["/mnt/a", "/mnt/a"]),
    invalid("paths[1]", '"/mnt/a/b": and /mnt/a contain each other', paths=["/mnt/a", "/mnt/a/b"]),
    invalid("paths[0]", '"/tmp/volumes": is in /tmp, which belongs to the operating', paths=["/tmp/volumes"]),
    invalid("paths[0]", '"/var/lib/kubelet": overlaps /var/lib/kubelet', paths=["/var/lib/kubelet"]),
    invalid("paths[0]", '"/var": overlaps /var/lib/kubewright', paths=["/var"]),
    invalid("paths", "no node has a directory", paths=[]),
    invalid("pools.workers[0]", '"/etc": is in /etc', pools={"workers": ["/etc"]}),
    invalid("pools.wrkers", "no such pool; did you mean workers?", pools={"wrkers": ["/mnt/a"]}),
    invalid("hosts.w-3", "no node of a pool; did you mean w-2?", hosts={"w-3": ["/mnt/a"]}),
    InvalidSettings(
        f"{LOCAL}.hosts.lb-1", "no node of a pool", {LOCAL: {"hosts": {"lb-1": []}}}, base=HIGHLY_AVAILABLE
    ),
    InvalidSettings(
        f"{LOCAL}.pools",
        "only for bare metal; aws chooses the names of nodes; use paths",
        {LOCAL: {"pools": {"workers": ["/mnt/a"]}}},
        base=AWS,
    ),
    InvalidSettings(
        f"{LOCAL}.hosts",
        "only for bare metal; azure chooses the names of nodes; use paths",
        {LOCAL: {"hosts": {"w-1": ["/mnt/a"]}}},
        base=AZURE,
    ),
    # Namespace
    InvalidSettings(
        "access.namespaces.local-path-storage",
        "belongs to storage.local; use another namespace",
        {LOCAL: {}, "access.namespaces": {"local-path-storage": {}}},
    ),
)
