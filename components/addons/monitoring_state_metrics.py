"""kube-state-metrics: series about the objects of the cluster, for alerts about workloads [H4].

It reads no Secrets and no ConfigMaps.
Options: https://github.com/kubernetes/kube-state-metrics/blob/main/docs/developer/cli-arguments.md
"""

from __future__ import annotations

import pulumi_kubernetes.apps.v1 as apps
import pulumi_kubernetes.core.v1 as core
from pulumi import Resource, ResourceOptions
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs, ObjectMetaArgs

from components.addons.monitoring_targets import NAME_LABEL, PORT_NAME
from components.addons.monitoring_web import tls_directory
from components.addons.workload import (
    await_annotations,
    restricted_context,
    restricted_pod_context,
    rolling_update,
    system_tolerations,
    trust_annotations,
)
from components.rbac import Rule, account_with_cluster_role
from topology.images import pinned_image
from topology.model import Topology
from topology.monitoring import NAMESPACE, STATE_METRICS, STATE_METRICS_IMAGE

PORT = 8443
_SELF_PORT = 8081
_CONFIG = "/etc/kube-state-metrics/config"
_USER = 65534
_RESOURCES = {
    "": (
        *(
            "namespaces",
            "nodes",
            "persistentvolumeclaims",
            "persistentvolumes",
            "pods",
            "replicationcontrollers",
        ),
        *("resourcequotas", "services"),
    ),
    "apps": ("daemonsets", "deployments", "replicasets", "statefulsets"),
    "autoscaling": ("horizontalpodautoscalers",),
    "batch": ("cronjobs", "jobs"),
    "policy": ("poddisruptionbudgets",),
}
"""The objects with series, by API group."""


def create_permissions(name: str, opts: ResourceOptions) -> list[Resource]:
    """Create the service account of kube-state-metrics and its permissions."""
    rules = [Rule(group, resources, ("list", "watch")) for group, resources in _RESOURCES.items()]
    return account_with_cluster_role(
        name, STATE_METRICS, NAMESPACE, f"kubewright:{STATE_METRICS}", rules, opts
    )


def arguments() -> list[str]:
    """Return the options of kube-state-metrics."""
    resources = sorted(name for names in _RESOURCES.values() for name in names)
    return [
        f"--port={PORT}",
        f"--telemetry-port={_SELF_PORT}",
        "--telemetry-host=127.0.0.1",
        f"--tls-config={_CONFIG}/web.yaml",
        f"--resources={','.join(resources)}",
    ]


def create_state_metrics(name: str, topology: Topology, opts: ResourceOptions) -> apps.Deployment:
    """Create the pod of kube-state-metrics."""
    own = {NAME_LABEL: STATE_METRICS}
    # A probe has no certificate, without which the server ends the handshake.
    probe = core.TCPSocketActionArgs(port=PORT_NAME)
    container = core.ContainerArgs(
        name=STATE_METRICS,
        image=pinned_image(topology, STATE_METRICS_IMAGE),
        args=arguments(),
        ports=[core.ContainerPortArgs(name=PORT_NAME, container_port=PORT)],
        resources=core.ResourceRequirementsArgs(
            requests={"cpu": "20m", "memory": "100Mi"}, limits={"memory": "1Gi"}
        ),
        security_context=restricted_context(),
        readiness_probe=core.ProbeArgs(tcp_socket=probe, period_seconds=5),
        liveness_probe=core.ProbeArgs(tcp_socket=probe, period_seconds=10, failure_threshold=6),
        volume_mounts=[
            core.VolumeMountArgs(name="config", mount_path=_CONFIG, read_only=True),
            core.VolumeMountArgs(name="tls", mount_path=tls_directory(STATE_METRICS), read_only=True),
        ],
    )
    return apps.Deployment(
        name,
        metadata=ObjectMetaArgs(
            name=STATE_METRICS, namespace=NAMESPACE, labels=own, annotations=await_annotations(topology)
        ),
        spec=apps.DeploymentSpecArgs(
            replicas=1,
            strategy=rolling_update(),
            selector=LabelSelectorArgs(match_labels=own),
            template=core.PodTemplateSpecArgs(
                metadata=ObjectMetaArgs(labels=own, annotations=trust_annotations(topology) or None),
                spec=core.PodSpecArgs(
                    service_account_name=STATE_METRICS,
                    priority_class_name="system-cluster-critical",
                    tolerations=system_tolerations(),
                    security_context=restricted_pod_context(_USER, fs_group=_USER),
                    containers=[container],
                    volumes=_volumes(),
                ),
            ),
        ),
        opts=opts,
    )


def _volumes() -> list[core.VolumeArgs]:
    return [
        core.VolumeArgs(name="config", config_map=core.ConfigMapVolumeSourceArgs(name=STATE_METRICS)),
        core.VolumeArgs(
            name="tls",
            secret=core.SecretVolumeSourceArgs(secret_name=f"{STATE_METRICS}-tls", default_mode=0o440),
        ),
    ]
