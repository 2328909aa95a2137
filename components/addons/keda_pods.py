"""The pods of KEDA: the operator, the server of external metrics, and the admission webhooks [H2]."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi_kubernetes.apps.v1 as apps
import pulumi_kubernetes.core.v1 as core
from pulumi import ResourceOptions
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs, ObjectMetaArgs

from artifacts.add_ons import KEDA_IMAGES
from artifacts.catalogue import supported_versions
from components.addons.workload import (
    await_annotations,
    http_probe,
    lost_node_tolerations,
    restricted_context,
    restricted_pod_context,
    rolling_update,
    spread_constraints,
    system_replicas,
    system_tolerations,
    trust_annotations,
)
from topology.images import pinned_image
from topology.keda import METRICS_SERVER, NAMESPACE, OPERATOR, WEBHOOK, Keda, service_name
from topology.model import Topology

SERVICE_PORTS = {OPERATOR: (9666, 9666), METRICS_SERVER: (443, 6443), WEBHOOK: (443, 9443)}
"""The port of the service of each program, and the port of its pods."""
_HEALTH_PORT = 8081
_CERTIFICATES, _AUTHORITIES = "/certs", "/authorities"
_USER = 65532
_SECONDS_ON_LOST_NODE = 30
"""Time after which the only operator moves from a node that does not answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pods:
    """The pods of a program: the options of their container, probes, memory and replicas."""

    options: Sequence[str]
    probes: tuple[core.ProbeArgs, core.ProbeArgs]
    memory: tuple[str, str]
    replicas: int
    environment: Mapping[str, str]


def labels(program: str) -> dict[str, str]:
    """Return the labels of the pods of a program."""
    return {"app.kubernetes.io/name": program}


def create_pods(
    name: str, program: str, topology: Topology, keda: Keda, opts: ResourceOptions
) -> apps.Deployment:
    """Create the pods of a program. They read renewed certificates without a restart."""
    pods = _pods(program, topology, keda)
    pod_labels = labels(program)
    return apps.Deployment(
        name,
        metadata=ObjectMetaArgs(
            name=program, namespace=NAMESPACE, labels=pod_labels, annotations=await_annotations(topology)
        ),
        spec=apps.DeploymentSpecArgs(
            replicas=pods.replicas,
            strategy=rolling_update(),
            selector=LabelSelectorArgs(match_labels=pod_labels),
            template=core.PodTemplateSpecArgs(
                metadata=ObjectMetaArgs(labels=pod_labels, annotations=trust_annotations(topology) or None),
                spec=core.PodSpecArgs(
                    service_account_name=program,
                    priority_class_name="system-cluster-critical",
                    tolerations=[*system_tolerations(), *lost_node_tolerations(_SECONDS_ON_LOST_NODE)],
                    topology_spread_constraints=spread_constraints(
                        pod_labels, replicas=pods.replicas, required=False
                    ),
                    security_context=restricted_pod_context(_USER, fs_group=_USER),
                    containers=[_container(program, topology, pods)],
                    volumes=_volumes(program),
                ),
            ),
        ),
        opts=opts,
    )


def _pods(program: str, topology: Topology, keda: Keda) -> _Pods:
    environment = {
        "POD_NAMESPACE": NAMESPACE,
        "WATCH_NAMESPACE": "",
        "KEDA_HTTP_DEFAULT_TIMEOUT": str(keda.request_seconds * 1000),
    }
    replicas = system_replicas(topology)
    if program == OPERATOR:
        # A second operator would only wait for the lease of the first one.
        return _Pods(
            options=_operator_options(topology),
            probes=_http_probes(),
            memory=("150Mi", "1Gi"),
            replicas=1,
            environment=environment
            | {
                "KEDA_CLUSTER_OBJECT_NAMESPACE": NAMESPACE,
                "KEDA_RESTRICT_SECRET_ACCESS": str(not keda.all_secrets).lower(),
            },
        )
    if program == METRICS_SERVER:
        return _Pods(
            options=_metrics_server_options(topology),
            probes=(
                http_probe("/readyz", "service", period=2, scheme="HTTPS"),
                http_probe("/livez", "service", period=10, scheme="HTTPS", delay=20),
            ),
            memory=("100Mi", "500Mi"),
            replicas=replicas,
            environment=environment,
        )
    return _Pods(
        options=[
            f"--port={SERVICE_PORTS[WEBHOOK][1]}",
            f"--cert-dir={_CERTIFICATES}",
            "--metrics-bind-address=0",
            f"--health-probe-bind-address=:{_HEALTH_PORT}",
            *_log_options(),
        ],
        probes=_http_probes(),
        memory=("50Mi", "300Mi"),
        replicas=replicas,
        environment=environment,
    )


def _operator_options(topology: Topology) -> list[str]:
    return [
        "--leader-elect",
        "--enable-prometheus-metrics=false",
        f"--metrics-service-bind-address=:{SERVICE_PORTS[OPERATOR][1]}",
        f"--health-probe-bind-address=:{_HEALTH_PORT}",
        f"--cert-dir={_CERTIFICATES}",
        # Sources of metrics in the cluster can have certificates of its CA.
        f"--ca-dir={_AUTHORITIES}",
        f"--k8s-cluster-name={topology.name}",
        f"--k8s-cluster-domain={topology.network.domain}",
        *_log_options(),
    ]


def _metrics_server_options(topology: Topology) -> list[str]:
    operator = service_name(OPERATOR)
    return [
        f"--secure-port={SERVICE_PORTS[METRICS_SERVER][1]}",
        f"--cert-dir={_CERTIFICATES}",
        f"--tls-cert-file={_CERTIFICATES}/tls.crt",
        f"--tls-private-key-file={_CERTIFICATES}/tls.key",
        f"--metrics-service-address={operator}.{topology.network.domain}:{SERVICE_PORTS[OPERATOR][0]}",
        f"--metrics-service-grpc-authority={operator}",
        *_log_options(),
    ]


def _log_options() -> tuple[str, ...]:
    return ("--zap-log-level=info", "--zap-encoder=console", "--zap-time-encoding=rfc3339")


def _http_probes() -> tuple[core.ProbeArgs, core.ProbeArgs]:
    return (
        http_probe("/readyz", _HEALTH_PORT, period=2),
        http_probe("/healthz", _HEALTH_PORT, period=10, delay=20),
    )


def _container(program: str, topology: Topology, pods: _Pods) -> core.ContainerArgs:
    version = supported_versions("keda")[0]
    mounts = {"certificates": _CERTIFICATES} | ({"authorities": _AUTHORITIES} if program == OPERATOR else {})
    return core.ContainerArgs(
        name=program,
        image=pinned_image(topology, f"{KEDA_IMAGES[program]}:{version}"),
        args=list(pods.options),
        env=[core.EnvVarArgs(name=name, value=value) for name, value in pods.environment.items()],
        ports=[core.ContainerPortArgs(name="service", container_port=SERVICE_PORTS[program][1])],
        resources=core.ResourceRequirementsArgs(
            requests={"cpu": "50m", "memory": pods.memory[0]}, limits={"memory": pods.memory[1]}
        ),
        security_context=restricted_context(),
        readiness_probe=pods.probes[0],
        liveness_probe=pods.probes[1],
        volume_mounts=[
            core.VolumeMountArgs(name=name, mount_path=path, read_only=True) for name, path in mounts.items()
        ],
    )


def _volumes(program: str) -> list[core.VolumeArgs]:
    """Return the certificates of a program. The operator reads every file of a directory of authorities."""
    authority = core.SecretVolumeSourceArgs(
        secret_name=program, items=[core.KeyToPathArgs(key="ca.crt", path="ca.crt")]
    )
    certificates = core.SecretVolumeSourceArgs(secret_name=program)
    volumes = [core.VolumeArgs(name="certificates", secret=certificates)]
    if program == OPERATOR:
        volumes.append(core.VolumeArgs(name="authorities", secret=authority))
    return volumes
