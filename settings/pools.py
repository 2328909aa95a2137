"""Settings of the machines' roles: control planes, etcd, load balancers and pools of workers."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from settings.base import Section
from settings.clouds import MemberMachineSettings, PoolMachineSettings, SizeSettings
from settings.kubelet import KubeletSettings
from settings.types import Duration, HostPath, LabelKey, LabelValue, TaintText, Version, seconds


def _seldom(duration: str) -> str:
    if seconds(duration) < 60:
        raise ValueError("snapshots cannot be taken more often than once a minute; allowed: 1m and more")
    return duration


class RoleSettings(Section):
    """Hosts of one role, by their names in the inventory."""

    hosts: tuple[str, ...] = ()


class SnapshotSettings(Section):
    """Snapshots of etcd that every member takes by itself.

    `keep`: how many of its own a member keeps, newest first, on its disk and in `copy_to`: a directory
    on the host, which may be a network file system's.
    """

    every: Annotated[Duration, AfterValidator(_seldom)] = "6h"
    keep: Annotated[int, Field(ge=1, le=1000)] = 12
    copy_to: HostPath | None = None


class EtcdSettings(RoleSettings):
    """etcd's members. Without hosts: the control planes. `machine`: of those on their own, in a cloud."""

    snapshots: SnapshotSettings = SnapshotSettings()
    machine: MemberMachineSettings | None = None


class ControlPlaneSettings(RoleSettings):
    """The control planes. `schedulable`: workloads may run on them (a single machine needs it).

    `machine`: what they are in a cloud, where `hosts` are the names of machines to be made.
    """

    schedulable: bool = False
    labels: dict[LabelKey, LabelValue] = Field(default_factory=dict)
    taints: tuple[TaintText, ...] = ()
    kubelet: KubeletSettings = KubeletSettings()
    machine: MemberMachineSettings | None = None


class PoolSettings(Section):
    """Workers that are alike. `max_unavailable`: how many of them change at a time.

    `kubernetes_version`: of its kubelets and proxies, where they stay behind the API servers.
    In a cloud a pool has a `size` and a `machine` in the place of hosts.
    """

    hosts: tuple[str, ...] = ()
    size: SizeSettings | None = None
    machine: PoolMachineSettings | None = None
    labels: dict[LabelKey, LabelValue] = Field(default_factory=dict)
    taints: tuple[TaintText, ...] = ()
    max_unavailable: int = Field(default=1, ge=1)
    kubernetes_version: Version | None = None
    kubelet: KubeletSettings = KubeletSettings()

    @property
    def max_nodes(self) -> int:
        """How many nodes it may have at most."""
        return self.size.max if self.size else len(self.hosts)
