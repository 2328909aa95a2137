"""Settings of kubelets: for the whole cluster, and what a pool has otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, TypeVar

from pydantic import Field

from settings.base import Section
from settings.types import Quantity, Signal
from topology.model import Kubelet

MAX_PODS = 110  # per node, Kubernetes' tested limit

Resource = Literal["cpu", "memory", "ephemeral-storage", "pid"]
EvictionSignal = Literal[
    "memory.available",
    "nodefs.available",
    "nodefs.inodesFree",
    "imagefs.available",
    "imagefs.inodesFree",
    "pid.available",
]
_Key = TypeVar("_Key", bound=str)
MaxPods = Annotated[int, Field(ge=1, le=MAX_PODS)]

# Requirement F2. The signals not named there are upstream's defaults: a partial set would switch the
# others off.
DEFAULTS = Kubelet(
    max_pods=MAX_PODS,
    system_reserved=(("cpu", "200m"), ("memory", "250Mi")),
    kube_reserved=(("cpu", "200m"), ("memory", "250Mi")),
    eviction_hard=(
        ("memory.available", "1Gi"),
        ("nodefs.available", "1Gi"),
        ("nodefs.inodesFree", "5%"),
        ("imagefs.available", "1Gi"),
        ("imagefs.inodesFree", "5%"),
    ),
    eviction_minimum_reclaim=(
        ("memory.available", "100Mi"),
        ("nodefs.available", "500Mi"),
        ("imagefs.available", "500Mi"),
    ),
    container_log_max_size="10Mi",
    container_log_max_files=5,
    pod_pids_limit=4096,
)


class KubeletSettings(Section):
    """What differs from the defaults, or from the cluster's kubelets. Left out: as there.

    Reserved resources and eviction signals are merged key by key; `max_pods` is a count per node.
    """

    max_pods: MaxPods | None = None
    system_reserved: dict[Resource, Quantity] = Field(default_factory=dict)
    kube_reserved: dict[Resource, Quantity] = Field(default_factory=dict)
    eviction_hard: dict[EvictionSignal, Signal] = Field(default_factory=dict)
    eviction_minimum_reclaim: dict[EvictionSignal, Signal] = Field(default_factory=dict)
    container_log_max_size: Quantity | None = None
    container_log_max_files: Annotated[int, Field(ge=2, le=100)] | None = None
    pod_pids_limit: Annotated[int, Field(ge=64, le=4_194_304)] | None = None

    def applied_to(self, base: Kubelet) -> Kubelet:
        """`base` with these settings in the place of its own."""
        return Kubelet(
            max_pods=base.max_pods if self.max_pods is None else self.max_pods,
            system_reserved=_merged(base.system_reserved, self.system_reserved),
            kube_reserved=_merged(base.kube_reserved, self.kube_reserved),
            eviction_hard=_merged(base.eviction_hard, self.eviction_hard),
            eviction_minimum_reclaim=_merged(base.eviction_minimum_reclaim, self.eviction_minimum_reclaim),
            container_log_max_size=self.container_log_max_size or base.container_log_max_size,
            container_log_max_files=self.container_log_max_files or base.container_log_max_files,
            pod_pids_limit=self.pod_pids_limit or base.pod_pids_limit,
        )


def _merged(base: tuple[tuple[str, str], ...], changes: Mapping[_Key, str]) -> tuple[tuple[str, str], ...]:
    merged: dict[str, str] = dict(base)
    for key, value in changes.items():
        merged[key] = value
    return tuple(merged.items())
