"""Settings of the machines' roles: control planes, etcd, load balancers and pools of workers."""

from __future__ import annotations

from pydantic import Field

from settings.base import Section
from settings.kubelet import KubeletSettings
from settings.types import LabelKey, LabelValue, TaintText


class RoleSettings(Section):
    """Hosts of one role, by their names in the inventory."""

    hosts: tuple[str, ...] = ()


class ControlPlaneSettings(RoleSettings):
    """The control planes. `schedulable`: workloads may run on them (a single machine needs it)."""

    schedulable: bool = False
    labels: dict[LabelKey, LabelValue] = Field(default_factory=dict)
    taints: tuple[TaintText, ...] = ()
    kubelet: KubeletSettings = KubeletSettings()


class PoolSettings(Section):
    """Workers that are alike. `max_unavailable`: how many of them change at a time."""

    hosts: tuple[str, ...] = ()
    labels: dict[LabelKey, LabelValue] = Field(default_factory=dict)
    taints: tuple[TaintText, ...] = ()
    max_unavailable: int = Field(default=1, ge=1)
    kubelet: KubeletSettings = KubeletSettings()
