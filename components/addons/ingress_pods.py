"""The pods of Traefik, on the nodes of a pool or behind a service [H4]."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi_kubernetes.apps.v1 as apps
import pulumi_kubernetes.core.v1 as core
from pulumi import ResourceOptions
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs, ObjectMetaArgs

from artifacts.catalogue import images_of
from components.addons.workload import (
    await_annotations,
    http_probe,
    restricted_context,
    restricted_pod_context,
    rolling_update,
    spread_constraints,
)
from topology.images import pinned_image
from topology.ingress import GIVEN_CERTIFICATE, HTTP_PORT, HTTPS_PORT, INGRESS_LABEL, NAMESPACE, Ingress
from topology.model import Pool, Topology

NAME = "traefik"
LABELS = {"app.kubernetes.io/name": NAME}
WEB, WEBSECURE = 8000, 8443
"""Ports of the pods for HTTP and HTTPS, as in upstream's chart."""
_PING = 8080
CONFIG = "certificate.yaml"
"""The file that names the default certificate."""
_CONFIG_DIRECTORY = "/etc/traefik"
TLS = "/etc/traefik-tls"
_USER = 65532
_ACCEPT_SECONDS = 20
"""Seconds during which a terminating pod accepts connections, so that clients and load balancers can stop
using it.
"""
_FINISH_SECONDS = 30
"""Seconds during which a terminating pod completes the requests that it has accepted."""


def create_deployment(
    name: str,
    topology: Topology,
    ingress: Ingress,
    annotations: Mapping[str, str] | None,
    opts: ResourceOptions,
) -> apps.Deployment:
    """Create the pods. `annotations` are those of the pods.

    A drain of a node ends its pod in the same way as a change of the pods. A drain would leave pods of a
    DaemonSet on their node, which loses requests when the node leaves.
    """
    pool = next((pool for pool in topology.pools if pool.name == ingress.pool), None)
    replicas = _count_nodes(pool) if pool else ingress.replicas
    placement = _pool_placement(pool) if pool else _spread_placement(replicas)
    return apps.Deployment(
        f"{name}-pods",
        metadata=ObjectMetaArgs(
            name=NAME, namespace=NAMESPACE, labels=LABELS, annotations=await_annotations(topology)
        ),
        spec=apps.DeploymentSpecArgs(
            replicas=replicas,
            # Two pods cannot have the same host ports, so a node's old pod ends before its new pod starts.
            strategy=rolling_update(max_surge=0) if pool else rolling_update(),
            selector=LabelSelectorArgs(match_labels=LABELS),
            template=_template(topology, ingress, annotations, placement),
        ),
        opts=opts,
    )


def _count_nodes(pool: Pool) -> int:
    """Return the number of nodes that a pool always has."""
    return pool.capacity.min_size if pool.capacity else len(pool.nodes)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Placement:
    """The nodes of the pods."""

    node_selector: dict[str, str] | None = None
    tolerations: list[core.TolerationArgs] | None = None
    spread: list[core.TopologySpreadConstraintArgs] | None = None


def _pool_placement(pool: Pool) -> _Placement:
    """Return the placement on the nodes of a pool. Host ports allow one pod on each node."""
    key, value = INGRESS_LABEL
    tolerations = [
        core.TolerationArgs(key=taint.key, value=taint.value, effect=str(taint.effect), operator="Equal")
        for taint in pool.taints
    ]
    return _Placement(node_selector={key: value}, tolerations=tolerations)


def _spread_placement(replicas: int) -> _Placement:
    return _Placement(spread=spread_constraints(LABELS, replicas=replicas, required=False))


def _template(
    topology: Topology, ingress: Ingress, annotations: Mapping[str, str] | None, placement: _Placement
) -> core.PodTemplateSpecArgs:
    return core.PodTemplateSpecArgs(
        metadata=ObjectMetaArgs(labels=LABELS, annotations=annotations),
        spec=core.PodSpecArgs(
            service_account_name=NAME,
            priority_class_name="system-cluster-critical",
            node_selector=placement.node_selector,
            tolerations=placement.tolerations,
            topology_spread_constraints=placement.spread,
            # A pod that completes its requests must not be killed.
            termination_grace_period_seconds=_ACCEPT_SECONDS + _FINISH_SECONDS + 10,
            security_context=restricted_pod_context(_USER, fs_group=_USER),
            containers=[_container(topology, ingress)],
            volumes=_volumes() if ingress.certificate else None,
        ),
    )


def _volumes() -> list[core.VolumeArgs]:
    return [
        core.VolumeArgs(name="config", config_map=core.ConfigMapVolumeSourceArgs(name=NAME)),
        core.VolumeArgs(name="tls", secret=core.SecretVolumeSourceArgs(secret_name=GIVEN_CERTIFICATE)),
    ]


def _container(topology: Topology, ingress: Ingress) -> core.ContainerArgs:
    ports = (("web", WEB, HTTP_PORT), ("websecure", WEBSECURE, HTTPS_PORT))
    mounts = (("config", _CONFIG_DIRECTORY), ("tls", TLS)) if ingress.certificate else ()
    return core.ContainerArgs(
        name=NAME,
        image=pinned_image(topology, images_of(NAME)[0]),
        args=_arguments(ingress),
        ports=[
            core.ContainerPortArgs(name=name, container_port=port, host_port=host if ingress.pool else None)
            for name, port, host in ports
        ],
        resources=core.ResourceRequirementsArgs(
            requests={"cpu": "100m", "memory": "100Mi"}, limits={"memory": "500Mi"}
        ),
        security_context=restricted_context(),
        # Traefik answers before it has read the Ingress objects; until then it has no page for any name.
        readiness_probe=http_probe("/ping", _PING, period=2, delay=5),
        liveness_probe=http_probe("/ping", _PING, period=10, delay=20),
        volume_mounts=[
            core.VolumeMountArgs(name=name, mount_path=path, read_only=True) for name, path in mounts
        ]
        or None,
    )


def _arguments(ingress: Ingress) -> list[str]:
    """Return the options of Traefik. It sends no statistics and offers neither metrics nor its dashboard."""
    entry_points = [
        option
        # Probes use the last entry point. A terminating pod must answer them while it accepts connections.
        for name, port in (("web", WEB), ("websecure", WEBSECURE), ("traefik", _PING))
        for option in (
            f"--entrypoints.{name}.address=:{port}/tcp",
            f"--entrypoints.{name}.transport.lifecycle.requestacceptgracetimeout={_ACCEPT_SECONDS}s",
            f"--entrypoints.{name}.transport.lifecycle.gracetimeout={_FINISH_SECONDS}s",
        )
    ]
    arguments = [
        "--global.checknewversion=false",
        "--global.sendanonymoususage=false",
        *entry_points,
        # Serve each Ingress over HTTP and HTTPS.
        "--entrypoints.websecure.http.tls=true",
        "--ping=true",
        # With 503, kube-proxy would stop using a pod that still accepts connections.
        "--ping.terminatingstatuscode=200",
        "--providers.kubernetesingress=true",
        f"--providers.kubernetesingress.ingressclass={NAME}",
        "--providers.kubernetesingress.strictprefixmatching=true",
    ]
    if not ingress.pool:
        service = f"{NAMESPACE}/{NAME}"
        arguments.append(f"--providers.kubernetesingress.ingressendpoint.publishedservice={service}")
    if ingress.certificate:
        # A changed certificate replaces the pods.
        arguments += [
            f"--providers.file.filename={_CONFIG_DIRECTORY}/{CONFIG}",
            "--providers.file.watch=false",
        ]
    return [*arguments, *_gateway_arguments(ingress)]


def _gateway_arguments(ingress: Ingress) -> list[str]:
    """Return the options of Traefik for the Gateway API; [] without it."""
    if not ingress.gateway_api:
        return []
    provider = "--providers.kubernetesgateway"
    arguments = [
        f"{provider}=true",
        # Otherwise, a route could name backends in other namespaces without a ReferenceGrant.
        f"{provider}.crossprovidernamespaces={NAMESPACE}",
    ]
    if not ingress.pool:
        service = f"{provider}.statusaddress.service"
        arguments += [f"{service}.name={NAME}", f"{service}.namespace={NAMESPACE}"]
    return arguments
