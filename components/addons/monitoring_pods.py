"""The pods of Prometheus and Alertmanager [H4]."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi_kubernetes.apps.v1 as apps
import pulumi_kubernetes.core.v1 as core
from pulumi import Input, Output, ResourceOptions
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs, ObjectMetaArgs

from artifacts.catalogue import images_of
from components.addons.digests import text_digest
from components.addons.monitoring_alerts import CREDENTIALS as ALERT_CREDENTIALS
from components.addons.monitoring_targets import NAME_LABEL, PORT_NAME
from components.addons.monitoring_web import tls_directory
from components.addons.workload import (
    await_annotations,
    http_probe,
    restricted_context,
    restricted_pod_context,
    spread_constraints,
    trust_annotations,
)
from topology.images import pinned_image
from topology.model import Topology
from topology.monitoring import ALERTMANAGER, MONITORING_LABEL, NAMESPACE, PROMETHEUS, Monitoring

PROMETHEUS_PORT = 9090
ALERTMANAGER_PORT = 9093
GOSSIP_PORT = 9094
_USER = 65534
_DATA = "data"
_CONFIG = {name: f"/etc/{name}/config" for name in (PROMETHEUS, ALERTMANAGER)}
_RULES = "/etc/prometheus/rules"
_DIRECTORIES = {PROMETHEUS: "/prometheus", ALERTMANAGER: "/alertmanager"}
_ALERTMANAGER_SIZE = "1Gi"


@dataclass(frozen=True, slots=True)
class Mount:
    """A ConfigMap or Secret at a path of a container."""

    name: str
    path: str
    config_map: str = ""
    secret: str = ""


def labels(name: str) -> dict[str, str]:
    """Return the labels of the pods of a component."""
    return {NAME_LABEL: name}


def create_prometheus(
    name: str, topology: Topology, data: Monitoring, *, has_credentials: bool, opts: ResourceOptions
) -> apps.StatefulSet:
    """Create the pods of Prometheus. They read changed configurations, rules and certificates themselves."""
    mounts = [
        Mount("config", _CONFIG[PROMETHEUS], config_map=PROMETHEUS),
        Mount("rules", _RULES, config_map=f"{PROMETHEUS}-rules"),
        Mount("tls", tls_directory(PROMETHEUS), secret=f"{PROMETHEUS}-tls"),
    ]
    if has_credentials:
        mounts.append(Mount("credentials", "/etc/prometheus/credentials", secret=f"{PROMETHEUS}-credentials"))
    container = core.ContainerArgs(
        name=PROMETHEUS,
        image=pinned_image(topology, images_of(PROMETHEUS)[0]),
        args=prometheus_arguments(),
        env=[
            core.EnvVarArgs(
                name="POD_NAME",
                value_from=core.EnvVarSourceArgs(
                    field_ref=core.ObjectFieldSelectorArgs(field_path="metadata.name")
                ),
            )
        ],
        ports=[core.ContainerPortArgs(name=PORT_NAME, container_port=PROMETHEUS_PORT)],
        resources=core.ResourceRequirementsArgs(
            requests={"cpu": data.cpu, "memory": data.memory}, limits={"memory": data.memory}
        ),
        security_context=restricted_context(),
        # Prometheus first reads the log of samples that are not yet in a block, which can take minutes.
        startup_probe=http_probe("/-/ready", PORT_NAME, period=5, failures=240, scheme="HTTPS"),
        readiness_probe=http_probe("/-/ready", PORT_NAME, period=5, scheme="HTTPS"),
        liveness_probe=http_probe("/-/healthy", PORT_NAME, period=10, failures=6, scheme="HTTPS"),
        volume_mounts=_mounts(mounts, PROMETHEUS),
    )
    pods = _Pods(
        container=container,
        mounts=mounts,
        replicas=data.replicas,
        size=data.volume.size if data.volume else "",
        account=PROMETHEUS,
    )
    return _create_set(name, topology, data, pods, opts)


def prometheus_arguments(
    *, config: str = _CONFIG[PROMETHEUS], directory: str = _DIRECTORIES[PROMETHEUS]
) -> list[str]:
    """Return the options of Prometheus. `config` is the directory of its configuration."""
    return [
        f"--config.file={config}/prometheus.yaml",
        "--config.auto-reload",
        f"--web.config.file={config}/web.yaml",
        f"--storage.tsdb.path={directory}",
    ]


def create_alertmanager(
    name: str,
    topology: Topology,
    data: Monitoring,
    *,
    files: Mapping[str, str],
    certificate: Output[str],
    has_credentials: bool,
    opts: ResourceOptions,
) -> apps.StatefulSet:
    """Create the pods of Alertmanager. Changed `files` of its configuration restart them one by one, and a
    renewed `certificate` too: connections between replicas use the one of their start.
    """
    mounts = [
        Mount("config", _CONFIG[ALERTMANAGER], config_map=ALERTMANAGER),
        Mount("tls", tls_directory(ALERTMANAGER), secret=f"{ALERTMANAGER}-tls"),
    ]
    if has_credentials:
        mounts.append(Mount("credentials", ALERT_CREDENTIALS, secret=f"{ALERTMANAGER}-credentials"))
    # A probe has no certificate, without which the server ends the handshake.
    probe = core.TCPSocketActionArgs(port=PORT_NAME)
    container = core.ContainerArgs(
        name=ALERTMANAGER,
        image=pinned_image(topology, images_of(ALERTMANAGER)[0]),
        args=alertmanager_arguments(data.alertmanagers),
        ports=[core.ContainerPortArgs(name=PORT_NAME, container_port=ALERTMANAGER_PORT)],
        resources=core.ResourceRequirementsArgs(
            requests={"cpu": "20m", "memory": "50Mi"}, limits={"memory": "200Mi"}
        ),
        security_context=restricted_context(),
        readiness_probe=core.ProbeArgs(tcp_socket=probe, period_seconds=5),
        liveness_probe=core.ProbeArgs(tcp_socket=probe, period_seconds=10, failure_threshold=6),
        volume_mounts=_mounts(mounts, ALERTMANAGER),
    )
    digest = text_digest("\0".join(files.values()))
    pods = _Pods(
        container=container,
        mounts=mounts,
        replicas=data.alertmanagers,
        size=_ALERTMANAGER_SIZE if data.volume else "",
        annotations={
            "kubewright.dev/configuration": digest,
            "kubewright.dev/certificate": Output.unsecret(certificate.apply(text_digest)),
        },
    )
    return _create_set(name, topology, data, pods, opts)


def alertmanager_arguments(
    replicas: int, *, config: str = _CONFIG[ALERTMANAGER], directory: str = _DIRECTORIES[ALERTMANAGER]
) -> list[str]:
    """Return the options of Alertmanager. `config` is the directory of its configuration."""
    gossip = ["--cluster.listen-address="]
    if replicas > 1:
        peers = (f"{ALERTMANAGER}-{number}.{ALERTMANAGER}-pods.{NAMESPACE}.svc" for number in range(replicas))
        gossip = [
            f"--cluster.listen-address=0.0.0.0:{GOSSIP_PORT}",
            f"--cluster.tls-config={config}/gossip.yaml",
            *(f"--cluster.peer={peer}:{GOSSIP_PORT}" for peer in peers),
        ]
    return [
        f"--config.file={config}/alertmanager.yaml",
        f"--web.config.file={config}/web.yaml",
        f"--storage.path={directory}",
        *gossip,
    ]


def _mounts(mounts: Sequence[Mount], component: str) -> list[core.VolumeMountArgs]:
    return [
        *(core.VolumeMountArgs(name=mount.name, mount_path=mount.path, read_only=True) for mount in mounts),
        core.VolumeMountArgs(name=_DATA, mount_path=_DIRECTORIES[component]),
    ]


def _volume(mount: Mount) -> core.VolumeArgs:
    if mount.secret:
        secret = core.SecretVolumeSourceArgs(secret_name=mount.secret, default_mode=0o440)
        return core.VolumeArgs(name=mount.name, secret=secret)
    return core.VolumeArgs(name=mount.name, config_map=core.ConfigMapVolumeSourceArgs(name=mount.config_map))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pods:
    """What the pods of a component have. Without `size` they have no volumes, without `account` no token."""

    container: core.ContainerArgs
    mounts: Sequence[Mount]
    replicas: int
    size: str
    account: str = ""
    annotations: Mapping[str, Input[str]] | None = None


def _create_set(
    name: str, topology: Topology, data: Monitoring, pods: _Pods, opts: ResourceOptions
) -> apps.StatefulSet:
    component = str(pods.container.name)
    own = labels(component)
    return apps.StatefulSet(
        name,
        metadata=ObjectMetaArgs(
            name=component, namespace=NAMESPACE, labels=own, annotations=await_annotations(topology)
        ),
        spec=apps.StatefulSetSpecArgs(
            service_name=f"{component}-pods",
            replicas=pods.replicas,
            pod_management_policy="Parallel",
            selector=LabelSelectorArgs(match_labels=own),
            template=core.PodTemplateSpecArgs(
                metadata=ObjectMetaArgs(
                    labels=own,
                    annotations={**trust_annotations(topology), **(pods.annotations or {})} or None,
                ),
                spec=_pod_spec(topology, data, pods, own),
            ),
            volume_claim_templates=[_claim(pods.size, data)] if pods.size else None,
        ),
        opts=opts,
    )


def _pod_spec(topology: Topology, data: Monitoring, pods: _Pods, own: dict[str, str]) -> core.PodSpecArgs:
    key, value = MONITORING_LABEL
    pool = next((pool for pool in topology.pools if pool.name == data.pool), None)
    tolerations = [
        core.TolerationArgs(key=taint.key, value=taint.value, effect=str(taint.effect), operator="Equal")
        for taint in (pool.taints if pool else ())
    ]
    volumes = [_volume(mount) for mount in pods.mounts]
    if not pods.size:
        volumes.append(core.VolumeArgs(name=_DATA, empty_dir=core.EmptyDirVolumeSourceArgs()))
    return core.PodSpecArgs(
        service_account_name=pods.account or "default",
        automount_service_account_token=bool(pods.account),
        priority_class_name="system-cluster-critical",
        node_selector={key: value} if pool else None,
        tolerations=tolerations or None,
        topology_spread_constraints=_spread(own, pods.replicas),
        security_context=restricted_pod_context(_USER, fs_group=_USER),
        # Prometheus writes the samples in its memory before it ends.
        termination_grace_period_seconds=120,
        containers=[pods.container],
        volumes=volumes,
    )


def _spread(own: dict[str, str], replicas: int) -> list[core.TopologySpreadConstraintArgs] | None:
    constraints = spread_constraints(own, replicas=replicas, required=False)
    for constraint in constraints or ():
        # Pods of a StatefulSet have no label with the hash of their template.
        constraint.match_label_keys = None
    return constraints


def _claim(size: str, data: Monitoring) -> core.PersistentVolumeClaimArgs:
    return core.PersistentVolumeClaimArgs(
        metadata=ObjectMetaArgs(name=_DATA),
        spec=core.PersistentVolumeClaimSpecArgs(
            access_modes=["ReadWriteOnce"],
            storage_class_name=(data.volume.storage_class if data.volume else "") or None,
            resources=core.VolumeResourceRequirementsArgs(requests={"storage": size}),
        ),
    )
