"""The pools of a cluster: nodes, labels, taints, the kubelet's settings, and sizes in a cloud."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from assembly.storage import build_disks
from formats import quantity
from settings.clouds import CloudSettings
from settings.cluster import Settings
from settings.kubelet import DEFAULTS
from settings.pools import ControlPlaneSettings, PoolSettings
from topology.gpus import GPU_LABEL, GPU_TAINT
from topology.ingress import INGRESS_LABEL
from topology.metallb import NOT_BALANCED_LABEL
from topology.model import Capacity, Member, Pool
from topology.monitoring import MONITORING_LABEL
from topology.options import CredentialProvider, Kubelet
from topology.taints import Taint, TaintEffect

CONTROL_PLANE_POOL = "control-plane"
CONTROL_PLANE_LABEL = "node-role.kubernetes.io/control-plane"


def build_pools(
    settings: Settings, members: Mapping[str, Member], files: Mapping[str, str] | None = None
) -> tuple[Pool, ...]:
    """Return the pool of control planes, then the pools of workers in the order of the settings.

    `files` has the meaning of `build_topology`.
    """
    provider = _credential_provider(settings.cloud, files)
    cluster_kubelet = replace(settings.kubelet.applied_to(DEFAULTS), credential_provider=provider)
    ingress_pool = settings.addons.ingress.pool if settings.addons.ingress else None
    monitoring_pool = settings.addons.monitoring.pool if settings.addons.monitoring else None
    workers = (
        _worker_pool(
            name,
            section,
            members,
            cluster_kubelet,
            (
                *((INGRESS_LABEL,) if name == ingress_pool else ()),
                *((MONITORING_LABEL,) if name == monitoring_pool else ()),
            ),
            settings.cloud,
        )
        for name, section in settings.pools.items()
    )
    extra_labels = ((NOT_BALANCED_LABEL, ""),) if _excludes_control_planes(settings) else ()
    return (_control_plane_pool(settings.control_planes, members, cluster_kubelet, extra_labels), *workers)


def _excludes_control_planes(settings: Settings) -> bool:
    """Return whether control planes take no traffic of services of type LoadBalancer.

    In a cloud, the cloud controller manager would open their security group. On bare metal, MetalLB would
    announce addresses from them; they do so only if they are workers too.
    """
    metallb = settings.addons.load_balancer is not None
    return settings.cloud is not None or (metallb and not settings.control_planes.schedulable)


def _credential_provider(
    cloud: CloudSettings | None, files: Mapping[str, str] | None
) -> CredentialProvider | None:
    """Return the program with which nodes get credentials for images; None without image registries."""
    provider = cloud.credential_provider() if cloud else None
    if cloud is None or provider is None or not provider.authority_variable or not cloud.authority_file:
        return provider
    return replace(provider, authority=files[cloud.authority_file] if files is not None else "")


def _control_plane_pool(
    section: ControlPlaneSettings,
    members: Mapping[str, Member],
    cluster_kubelet: Kubelet,
    extra_labels: tuple[tuple[str, str], ...],
) -> Pool:
    control_plane_taint = Taint(key=CONTROL_PLANE_LABEL, value="", effect=TaintEffect.NO_SCHEDULE)
    return Pool(
        name=CONTROL_PLANE_POOL,
        nodes=tuple(members[name] for name in section.hosts),
        labels=((CONTROL_PLANE_LABEL, ""), *extra_labels, *section.labels.items()),
        taints=section.taints if section.schedulable else (control_plane_taint, *section.taints),
        max_unavailable=1,
        kubelet=section.kubelet.applied_to(cluster_kubelet),
    )


def _worker_pool(
    name: str,
    section: PoolSettings,
    members: Mapping[str, Member],
    cluster_kubelet: Kubelet,
    extra_labels: tuple[tuple[str, str], ...],
    cloud: CloudSettings | None,
) -> Pool:
    return Pool(
        name=name,
        nodes=tuple(members[host] for host in section.hosts),
        labels=(*section.labels.items(), *extra_labels, *((GPU_LABEL,) if section.gpu else ())),
        taints=(*section.taints, GPU_TAINT) if section.gpu else section.taints,
        max_unavailable=section.max_unavailable,
        kubelet=section.kubelet.applied_to(cluster_kubelet),
        kubernetes=section.kubernetes_version or "",
        capacity=_capacity(section, cloud),
        gpu=section.gpu,
        disks=build_disks(section),
    )


def _capacity(section: PoolSettings, cloud: CloudSettings | None) -> Capacity | None:
    """Return the capacity of a pool in a cloud; None for a pool on bare metal."""
    if section.size is None or section.machine is None or cloud is None:
        return None
    return Capacity(
        min_size=section.size.min,
        max_size=section.size.max,
        types=section.machine.types,
        spot=section.machine.spot,
        disk=quantity.parse_bytes(section.machine.disk),
        architecture=cloud.architecture(section.machine.types[0]),
    )
