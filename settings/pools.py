"""Settings of the roles of machines: control planes, etcd, load balancers, and pools of workers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from settings.base import Section
from settings.clouds import MemberMachineSettings, PoolMachineSettings, SizeSettings
from settings.disks import DiskName, DiskSettings
from settings.extra_args import ExtraArgs
from settings.kubelet import KubeletSettings
from settings.snapshot_targets import Recipient, SnapshotTargetSettings
from settings.types import Duration, HostPath, LabelKey, LabelValue, Name, TaintText, Version, parse_seconds
from topology.gpus import Gpu


def _require_one_minute(duration: str) -> str:
    if parse_seconds(duration) < 60:
        raise ValueError("more often than once a minute; allowed: 1m and more")
    return duration


def _require_one_hour(duration: str) -> str:
    if parse_seconds(duration) < 3600:
        raise ValueError("more often than once an hour; allowed: 1h and more")
    return duration


class RoleHostsSettings(Section):
    """The hosts that have a role."""

    hosts: tuple[str, ...] = ()
    """Names of hosts: hosts of the inventory on bare metal, machines to create in a cloud."""


class LoadBalancerSettings(RoleHostsSettings):
    """Hosts that balance the load of the API and share its virtual address; not allowed in a cloud."""

    hosts: tuple[str, ...] = ()
    """Names of two hosts of the inventory, an active host and a standby; empty: no load balancers."""


class SnapshotSettings(Section):
    """Snapshots of etcd's data, taken on every member."""

    every: Annotated[Duration, AfterValidator(_require_one_minute)] = "6h"
    """Time between two snapshots, such as `6h`; at least a minute. A restore loses at most the changes of
    this time.
    """
    keep: Annotated[int, Field(ge=1, le=1000)] = 12
    """Number of snapshots that a member keeps on its disk and in `copy_to`."""
    copy_to: HostPath | None = None
    """Directory on the host for a copy of each snapshot, such as a mounted network file system; default: no
    copy. These copies are not encrypted.
    """
    recipients: tuple[Recipient, ...] = ()
    """Public keys of age (`age1…`) with which copies for `to` are encrypted; each private key can decrypt all
    copies. Required with `to`.
    """
    to: dict[Name, SnapshotTargetSettings] = Field(default_factory=dict)
    """Targets of encrypted copies by name, on bare metal: buckets, containers and mounted directories. Each
    member copies each of its snapshots to all targets.
    """
    verify: Literal["daily", "weekly"] | None = None
    """How often each member restores its newest snapshot into a temporary etcd, and compares its newest copy
    in each target with what it sent: `daily` or `weekly`; default: never.
    """


class DefragmentationSettings(Section):
    """Defragmentation of the data of etcd, which returns free space in database files to the file system. It
    changes one member after another, the leader last, and does not begin while a member is unhealthy.
    """

    every: Annotated[Duration, AfterValidator(_require_one_hour)] = "24h"
    """Time between two runs, such as `24h`; at least an hour."""
    free_percent: Annotated[int, Field(ge=10, le=95)] = 50
    """A member is defragmented when at least this share of its database file is free, in percent."""


class EtcdSettings(RoleHostsSettings):
    """The etcd members."""

    hosts: tuple[str, ...] = ()
    """Host names of the members, 1, 3 or 5; empty: the control planes."""
    snapshots: SnapshotSettings = SnapshotSettings()
    """Snapshots of etcd's data."""
    defragmentation: DefragmentationSettings | None = None
    """Scheduled defragmentation; default: none."""
    extra_args: ExtraArgs = Field(default_factory=dict)
    """Additional flags of etcd without checks, as a last resort, such as `heartbeat-interval: 200`."""
    machine: MemberMachineSettings | None = None
    """Machines of members that are not control planes; required for such members in a cloud."""


class ControlPlaneSettings(RoleHostsSettings):
    """The control planes."""

    hosts: tuple[str, ...] = ()
    """Names of the control planes, 1, 3 or 5: hosts of the inventory, or machines to create in a cloud."""
    schedulable: bool = False
    """Run workloads also on control planes; required for a cluster without workers."""
    labels: dict[LabelKey, LabelValue] = Field(default_factory=dict)
    """Labels of the control planes' nodes."""
    taints: tuple[TaintText, ...] = ()
    """Taints of the control planes' nodes, as `key=value:Effect`."""
    kubelet: KubeletSettings = KubeletSettings()
    """Kubelet settings that differ from the cluster's."""
    machine: MemberMachineSettings | None = None
    """Machines of the control planes; required in a cloud."""


class PoolSettings(Section):
    """A pool of workers that share settings."""

    hosts: tuple[str, ...] = ()
    """Names of hosts of the inventory; not allowed in a cloud."""
    size: SizeSettings | None = None
    """Number of nodes; required in a cloud, not allowed on bare metal."""
    machine: PoolMachineSettings | None = None
    """Machines of the nodes; required in a cloud, not allowed on bare metal."""
    labels: dict[LabelKey, LabelValue] = Field(default_factory=dict)
    """Labels of the pool's nodes."""
    taints: tuple[TaintText, ...] = ()
    """Taints of the pool's nodes, as `key=value:Effect`."""
    gpu: Gpu | None = None
    """Vendor of the nodes' GPUs; default: no GPUs. containerd gets a runtime for GPUs, and the nodes get a
    label and a taint. The hosts must already have the driver and the container toolkit of the vendor.
    """
    disks: dict[DiskName, DiskSettings] = Field(default_factory=dict)
    """Disks of the hosts for volumes of pods, by name; only on bare metal."""
    max_unavailable: int = Field(default=1, ge=1)
    """Maximum number of nodes that change at the same time; 1 keeps the most capacity."""
    kubernetes_version: Version | None = None
    """Version of kubelet and kube-proxy, at most three minor versions older than the API servers."""
    kubelet: KubeletSettings = KubeletSettings()
    """Kubelet settings that differ from the cluster's."""

    @property
    def max_nodes(self) -> int:
        """Return the maximum number of nodes."""
        return self.size.max if self.size else len(self.hosts)
