"""Settings of kubelets: for the whole cluster, and overrides for control planes and pools."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, TypeVar

from pydantic import Field

from settings.base import Section
from settings.extra_args import ExtraArgs
from settings.types import EvictionThreshold, Quantity
from topology.options import Kubelet

MAX_PODS = 110
"""Maximum number of pods on a node that Kubernetes is tested with."""

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

# Signals that requirement F2 does not name have upstream's defaults, because a partial set would disable
# the other signals.
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
    """Overrides of the cluster's kubelet settings, or of Kubewright's defaults [F2].

    Mappings are merged key by key.
    """

    max_pods: MaxPods | None = None
    """Maximum number of pods on a node; default: 110, the limit that Kubernetes is tested with."""
    system_reserved: dict[Resource, Quantity] = Field(default_factory=dict)
    """Resources reserved for system processes; default: 200m of CPU and 250Mi of memory."""
    kube_reserved: dict[Resource, Quantity] = Field(default_factory=dict)
    """Resources reserved for kubelet and containerd; default: 200m of CPU and 250Mi of memory."""
    eviction_hard: dict[EvictionSignal, EvictionThreshold] = Field(default_factory=dict)
    """Eviction thresholds; default: 1Gi of memory, and 1Gi and 5% of inodes on each file system."""
    eviction_minimum_reclaim: dict[EvictionSignal, EvictionThreshold] = Field(default_factory=dict)
    """Minimum amount that an eviction frees; default: 100Mi of memory, 500Mi on each file system."""
    container_log_max_size: Quantity | None = None
    """Size after which a container's log starts a new file; default: 10Mi."""
    container_log_max_files: Annotated[int, Field(ge=2, le=100)] | None = None
    """Number of log files that are kept for a container; default: 5."""
    pod_pids_limit: Annotated[int, Field(ge=64, le=4_194_304)] | None = None
    """Maximum number of processes in a pod; default: 4096."""
    extra_args: ExtraArgs = Field(default_factory=dict)
    """Additional flags of the kubelet without checks, as a last resort, such as `event-qps: 100`."""

    def applied_to(self, base: Kubelet) -> Kubelet:
        """Return the kubelet configuration `base` with the values that these settings override."""
        return Kubelet(
            max_pods=base.max_pods if self.max_pods is None else self.max_pods,
            system_reserved=_merge(base.system_reserved, self.system_reserved),
            kube_reserved=_merge(base.kube_reserved, self.kube_reserved),
            eviction_hard=_merge(base.eviction_hard, self.eviction_hard),
            eviction_minimum_reclaim=_merge(base.eviction_minimum_reclaim, self.eviction_minimum_reclaim),
            container_log_max_size=self.container_log_max_size or base.container_log_max_size,
            container_log_max_files=self.container_log_max_files or base.container_log_max_files,
            pod_pids_limit=self.pod_pids_limit or base.pod_pids_limit,
            extra_flags=_merge(base.extra_flags, self.extra_args),
            credential_provider=base.credential_provider,
        )


def _merge(base: tuple[tuple[str, str], ...], overrides: Mapping[_Key, str]) -> tuple[tuple[str, str], ...]:
    """Return the pairs of `base` with the values of `overrides`; new keys follow at the end."""
    merged: dict[str, str] = dict(base)
    for key, value in overrides.items():
        merged[key] = value
    return tuple(merged.items())
