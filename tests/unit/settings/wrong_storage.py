"""Invalid settings of storage: its StorageClasses, and volumes on the disks of nodes."""

from __future__ import annotations

from typing import Any

from tests.unit.settings.support import HIGHLY_AVAILABLE, REMOVE, InvalidSettings
from tests.unit.settings.wrong_clouds import AWS, AZURE

LOCAL = "storage.local"
BY_ID = "/dev/disk/by-id"
DISK: dict[str, Any] = {"device": f"{BY_ID}/x", "capacity": "10Gi"}


def invalid(path: str, phrase: str, **section: Any) -> InvalidSettings:  # noqa: ANN401 - JSON
    """Return settings of local volumes with a problem at `path` below their section."""
    return InvalidSettings(f"{LOCAL}.{path}", phrase, {LOCAL: section})


def disk(path: str, phrase: str, **edits: Any) -> InvalidSettings:  # noqa: ANN401 - JSON
    """Return settings of a pool with one disk, which has a problem at `path` below `disks`."""
    section = {key: value for key, value in (DISK | edits).items() if value is not REMOVE}
    return InvalidSettings(f"pools.workers.disks.{path}", phrase, {"pools.workers.disks": {"data": section}})


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
    # Disks of pools
    disk("data.device", '"/dev/sdb": not a stable name of a disk', device="/dev/sdb"),
    disk("data.device", '"/dev/disk/by-uuid/1-2": not a stable name', device="/dev/disk/by-uuid/1-2"),
    disk("data.device", '"/dev/disk/by-id/x-part1": names a partition', device=f"{BY_ID}/x-part1"),
    disk("data.device", "missing; w-2 has no entry in devices", device=None, devices={"w-1": f"{BY_ID}/x"}),
    disk("data.devices.w-3", "no host of this pool; did you mean w-2?", devices={"w-3": f"{BY_ID}/x"}),
    disk("data.capacity", "missing; add it", capacity=REMOVE),
    disk("data.capacity", '"1Mi": too small for a file system', capacity="1Mi"),
    disk("data.filesystem", '"btrfs": unknown; allowed: ext4, xfs', filesystem="btrfs"),
    disk("data.mount_options[0]", '"ro": does not fit a disk for volumes', mount_options=["ro"]),
    disk("data.mount_options[0]", '"a,b": not a mount option', mount_options=["a,b"]),
    InvalidSettings(
        "pools.workers.disks", '"data-1": not a name of a disk', {"pools.workers.disks": {"data-1": DISK}}
    ),
    InvalidSettings(
        "pools.workers.disks.logs",
        "w-1 has /dev/disk/by-id/x for the disk data too; correct one of them",
        {"pools.workers.disks": {"data": DISK, "logs": DISK}},
    ),
    InvalidSettings(
        "pools.general.disks",
        "only for bare metal; in aws use claims of the class gp3",
        {"pools.general.disks": {"data": DISK}},
        base=AWS,
    ),
    InvalidSettings(
        "storage.disks.reclaim_policy",
        '"Delete": nothing erases a disk for Kubernetes; use Retain',
        {"storage.disks": {"reclaim_policy": "Delete"}},
    ),
    InvalidSettings(
        "storage.disks.binding_mode",
        "a claim would get a disk of any host",
        {"storage.disks": {"binding_mode": "Immediate"}},
    ),
    InvalidSettings(
        "storage.disks.default_class",
        "true: a cluster has one default class, and storage.local has it; remove one of them",
        {
            "pools.workers.disks": {"data": DISK},
            "storage": {"local": {"default_class": True}, "disks": {"default_class": True}},
        },
    ),
    InvalidSettings(
        "storage.disks.class_name",
        '"local": is the class of storage.local; choose another name',
        {
            "pools.workers.disks": {"data": DISK},
            "storage": {"local": {}, "disks": {"class_name": "local"}},
        },
    ),
    # Namespace
    InvalidSettings(
        "access.namespaces.local-path-storage",
        "belongs to storage.local; use another namespace",
        {LOCAL: {}, "access.namespaces": {"local-path-storage": {}}},
    ),
)
