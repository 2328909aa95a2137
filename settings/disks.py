"""Settings of the disks of a pool on bare metal, and of the StorageClass of their volumes [F6, H3]."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from formats import quantity
from settings.base import Section
from settings.storage_classes import StorageClassSettings
from settings.types import Name, Quantity, Subdomain
from topology.storage import FileSystem, ReclaimPolicy

_NAME = re.compile(r"[a-z][a-z0-9]{0,30}")
_DEVICE = re.compile(r"/dev/disk/by-(id|path)/[A-Za-z0-9:._+=@-]+")
_PARTITION = re.compile(r"-part[0-9]+")
_OPTION = re.compile(r"[a-z0-9_]+(=[A-Za-z0-9_.]+)?")
_WRONG_OPTIONS = ("ro", "bind", "rbind", "remount", "loop", "noauto", "user", "users", "defaults")
_MIN_CAPACITY = 2 * 1024**2
"""Two MiB: what the check of a blank disk reads."""


def _validate_name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError("not a name of a disk; allowed: a-z, then a-z and 0-9, at most 31, such as data")
    return text


def _validate_device(text: str) -> str:
    if not _DEVICE.fullmatch(text):
        raise ValueError(
            "not a stable name of a disk, because the kernel numbers disks anew at each boot; allowed: "
            "/dev/disk/by-id/… or /dev/disk/by-path/… (ls -l /dev/disk/by-id)"
        )
    if _PARTITION.search(text):
        raise ValueError("names a partition; name the whole disk, without -part and its number")
    return text


def _validate_option(text: str) -> str:
    if not _OPTION.fullmatch(text):
        raise ValueError("not a mount option; allowed: one option such as noatime or logbufs=8")
    if text in _WRONG_OPTIONS:
        raise ValueError("does not fit a disk for volumes, which is mounted to read and write; remove it")
    return text


def _validate_capacity(text: str) -> str:
    if quantity.parse_bytes(text) < _MIN_CAPACITY:
        raise ValueError("too small for a file system; allowed: 2Mi and more")
    return text


DiskName = Annotated[str, AfterValidator(_validate_name)]
Device = Annotated[str, AfterValidator(_validate_device)]
MountOption = Annotated[str, AfterValidator(_validate_option)]


class DiskSettings(Section):
    """A disk that each host of the pool has. Kubewright creates a file system on a blank disk, and never
    erases a disk.
    """

    device: Device | None = None
    """Path of the disk on hosts that `devices` does not name: `/dev/disk/by-id/…` or
    `/dev/disk/by-path/…`.
    """
    devices: dict[Name, Device] = Field(default_factory=dict)
    """Paths of the disk by the name of the host."""
    capacity: Annotated[Quantity, AfterValidator(_validate_capacity)]
    """Capacity of the PersistentVolume; a smaller disk is refused."""
    filesystem: FileSystem = FileSystem.EXT4
    """File system of the disk. Hosts need its program: `mkfs.ext4` or `mkfs.xfs`."""
    mount_options: tuple[MountOption, ...] = ()
    """Options of the mount, such as `noatime`."""


class DiskClassSettings(StorageClassSettings):
    """The StorageClass of the disks in `pools.<name>.disks`; it exists if a pool has disks."""

    class_name: Subdomain = "local-disks"
    """Name of the StorageClass."""
    reclaim_policy: ReclaimPolicy = ReclaimPolicy.RETAIN
    """Only `Retain`: the data of a deleted claim stays until you remove it."""
