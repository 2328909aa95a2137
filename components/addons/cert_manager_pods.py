"""The pods of cert-manager: the controller, and the admission webhook [H4]."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi_kubernetes.apps.v1 as apps
import pulumi_kubernetes.core.v1 as core
from pulumi import ResourceOptions
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs, ObjectMetaArgs

from artifacts.catalogue import supported_versions
from components.addons.workload import (
    await_annotations,
    http_probe,
    restricted_context,
    restricted_pod_context,
    rolling_update,
    spread_constraints,
    system_replicas,
    system_tolerations,
    trust_annotations,
)
from topology.cert_manager import NAMESPACE, WEBHOOK
from topology.images import pinned_image
from topology.model import Topology

CONTROLLER = "cert-manager"
"""The name of the controller and of its service account."""
WEBHOOK_PORT = 10250
_HEALTH_PORTS = {CONTROLLER: 9403, WEBHOOK: 6080}
_TLS_DIRECTORY = "/etc/cert-manager/tls"
_USER = 1000


def labels(component: str) -> dict[str, str]:
    """Return the labels of the pods of a component."""
    return {"app.kubernetes.io/name": component}


def create_controller(name: str, topology: Topology, opts: ResourceOptions) -> apps.Deployment:
    """Create the pods of the controller. Only the pod that holds the lease works."""
    solver = pinned_image(topology, _image("acmesolver"))
    arguments = [
        f"--cluster-resource-namespace={NAMESPACE}",
        f"--leader-election-namespace={NAMESPACE}",
        f"--acme-http01-solver-image={solver}",
        "--metrics-listen-address=127.0.0.1:9402",
    ]
    health = _HEALTH_PORTS[CONTROLLER]
    container = core.ContainerArgs(
        name=CONTROLLER,
        image=pinned_image(topology, _image("controller")),
        args=arguments,
        resources=core.ResourceRequirementsArgs(
            requests={"cpu": "50m", "memory": "100Mi"}, limits={"memory": "500Mi"}
        ),
        security_context=restricted_context(),
        readiness_probe=http_probe("/livez", health, period=5),
        liveness_probe=http_probe("/livez", health, period=10, failures=8, delay=10),
    )
    return _create_deployment(name, CONTROLLER, topology, container, (), opts)


def create_webhook(name: str, topology: Topology, opts: ResourceOptions) -> apps.Deployment:
    """Create the pods of the webhook. They read a renewed certificate without a restart."""
    arguments = [
        f"--secure-port={WEBHOOK_PORT}",
        f"--healthz-port={_HEALTH_PORTS[WEBHOOK]}",
        f"--tls-cert-file={_TLS_DIRECTORY}/tls.crt",
        f"--tls-private-key-file={_TLS_DIRECTORY}/tls.key",
        "--metrics-listen-address=0",
    ]
    health = _HEALTH_PORTS[WEBHOOK]
    container = core.ContainerArgs(
        name=WEBHOOK,
        image=pinned_image(topology, _image("webhook")),
        args=arguments,
        ports=[core.ContainerPortArgs(name="https", container_port=WEBHOOK_PORT)],
        resources=core.ResourceRequirementsArgs(
            requests={"cpu": "20m", "memory": "50Mi"}, limits={"memory": "200Mi"}
        ),
        security_context=restricted_context(),
        readiness_probe=http_probe("/healthz", health, period=2),
        liveness_probe=http_probe("/livez", health, period=10, delay=20),
        volume_mounts=[core.VolumeMountArgs(name="tls", mount_path=_TLS_DIRECTORY, read_only=True)],
    )
    volumes = [core.VolumeArgs(name="tls", secret=core.SecretVolumeSourceArgs(secret_name=WEBHOOK))]
    return _create_deployment(name, WEBHOOK, topology, container, volumes, opts)


def _create_deployment(
    name: str,
    component: str,
    topology: Topology,
    container: core.ContainerArgs,
    volumes: Sequence[core.VolumeArgs],
    opts: ResourceOptions,
) -> apps.Deployment:
    replicas = system_replicas(topology)
    pod_labels = labels(component)
    return apps.Deployment(
        name,
        metadata=ObjectMetaArgs(
            name=component, namespace=NAMESPACE, labels=pod_labels, annotations=await_annotations(topology)
        ),
        spec=apps.DeploymentSpecArgs(
            replicas=replicas,
            strategy=rolling_update(),
            selector=LabelSelectorArgs(match_labels=pod_labels),
            template=core.PodTemplateSpecArgs(
                metadata=ObjectMetaArgs(labels=pod_labels, annotations=trust_annotations(topology) or None),
                spec=core.PodSpecArgs(
                    service_account_name=component,
                    priority_class_name="system-cluster-critical",
                    tolerations=system_tolerations(),
                    topology_spread_constraints=spread_constraints(
                        pod_labels, replicas=replicas, required=False
                    ),
                    security_context=restricted_pod_context(_USER, fs_group=_USER),
                    containers=[container],
                    volumes=list(volumes) or None,
                ),
            ),
        ),
        opts=opts,
    )


def _image(program: str) -> str:
    version = supported_versions("cert-manager")[0]
    return f"quay.io/jetstack/cert-manager-{program}:v{version}"
