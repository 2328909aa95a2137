"""metrics-server behind the API aggregation layer, with verified TLS on every connection [H2]."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass

import pulumi_kubernetes.apps.v1 as apps
import pulumi_kubernetes.core.v1 as core
from pulumi import ComponentResource, Input, Output, Resource, ResourceOptions
from pulumi_kubernetes.apiregistration.v1 import APIService, APIServiceSpecArgs, ServiceReferenceArgs
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs, ObjectMetaArgs

from components.addons.digests import text_digest
from components.addons.workload import (
    await_annotations,
    disruption_budget,
    http_probe,
    restricted_context,
    restricted_pod_context,
    rolling_update,
    spread_constraints,
    system_replicas,
    system_tolerations,
    trust_annotations,
)
from components.api import Api
from components.rbac import (
    READ,
    Rule,
    bind_cluster_role,
    bind_in_namespace,
    cluster_role,
    service_account_subject,
)
from topology.certificates import KUBELET_SERVING_CA, trust_bundle
from topology.images import pinned_image
from topology.model import Topology

_NAMESPACE = "kube-system"
_NAME = "metrics-server"
_LABELS = {"k8s-app": _NAME}
_PORT = 10250
_USER = 1000
_TLS_DIRECTORY = "/etc/metrics-server/tls"
_KUBELET_CA = "kubelet-serving-ca.crt"
_METRICS_SERVER_RULES = (
    Rule("", ("nodes/metrics",), ("get",)),
    Rule("", ("pods", "nodes"), READ),
)
_READER_RULES = (Rule("metrics.k8s.io", ("pods", "nodes"), READ),)
_AGGREGATION_LABELS = {
    f"rbac.authorization.k8s.io/aggregate-to-{role}": "true" for role in ("admin", "edit", "view")
}


@dataclass(frozen=True, kw_only=True)
class MetricsServerArgs:
    """Arguments of metrics-server.

    `ca` is the certificate of the CA in PEM; `secrets` has the certificate and key of metrics-server, and the
    trusted certificates of the CA of kubelets.
    """

    api: Api
    topology: Topology
    ca: Output[str]
    secrets: Mapping[str, Output[str]]


class MetricsServer(ComponentResource):
    """metrics-server with two replicas, or one replica in a cluster with one control plane."""

    def __init__(self, name: str, args: MetricsServerArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("kubewright:index:MetricsServer", name, None, opts)
        options = args.api.options(self)
        metadata = ObjectMetaArgs(name=_NAME, namespace=_NAMESPACE)
        account = core.ServiceAccount(f"{name}-account", metadata=metadata, opts=options)
        roles = self._create_roles(name, options)
        kubelet_authorities = args.secrets[f"{trust_bundle(KUBELET_SERVING_CA)}.crt"]
        certificate = core.Secret(
            f"{name}-certificate",
            metadata=metadata,
            type="kubernetes.io/tls",
            string_data={
                "tls.crt": args.secrets["metrics-server.crt"],
                "tls.key": args.secrets["metrics-server.key"],
                _KUBELET_CA: kubelet_authorities,
            },
            opts=options,
        )
        service = core.Service(
            f"{name}-service",
            metadata=ObjectMetaArgs(
                name=_NAME,
                namespace=_NAMESPACE,
                labels=_LABELS,
                annotations={"pulumi.com/skipAwait": "true"},
            ),
            spec=core.ServiceSpecArgs(
                selector=_LABELS,
                ports=[core.ServicePortArgs(name="https", port=443, target_port="https")],
            ),
            opts=options,
        )
        deployment = apps.Deployment(
            f"{name}-deployment",
            metadata=ObjectMetaArgs(
                name=_NAME,
                namespace=_NAMESPACE,
                labels=_LABELS,
                annotations=await_annotations(args.topology),
            ),
            spec=_deployment_spec(args.topology, kubelet_authorities),
            opts=args.api.options(self, depends_on=[account, *roles, certificate, *args.api.publication]),
        )
        disruption_budget(f"{name}-budget", _NAME, _NAMESPACE, _LABELS, options)
        self._create_api_service(
            f"{name}-api", args, args.api.options(self, depends_on=[service, deployment])
        )
        self.register_outputs({})

    def _create_roles(self, name: str, options: ResourceOptions) -> list[Resource]:
        """Create roles for metrics-server and for readers of metrics. Return the roles that metrics-server
        needs to start.
        """
        subject = [service_account_subject(_NAMESPACE, _NAME)]
        role = f"system:{_NAME}"
        delegator = f"{_NAME}:system:auth-delegator"
        # This role lets metrics-server read the CA that verifies requests of the API server.
        reader = ("Role", "extension-apiserver-authentication-reader")
        readers = "system:aggregated-metrics-reader"
        cluster_role(f"{name}-readers", readers, _READER_RULES, options, labels=_AGGREGATION_LABELS)
        return [
            cluster_role(f"{name}-role", role, _METRICS_SERVER_RULES, options),
            bind_cluster_role(f"{name}-binding", role, role, subject, options),
            bind_cluster_role(f"{name}-delegator", delegator, "system:auth-delegator", subject, options),
            bind_in_namespace(f"{name}-reader", f"{_NAME}-auth-reader", _NAMESPACE, reader, subject, options),
        ]

    def _create_api_service(self, name: str, args: MetricsServerArgs, options: ResourceOptions) -> APIService:
        return APIService(
            name,
            metadata=ObjectMetaArgs(
                name="v1beta1.metrics.k8s.io",
                labels=_LABELS,
                annotations=await_annotations(args.topology),
            ),
            spec=APIServiceSpecArgs(
                group="metrics.k8s.io",
                version="v1beta1",
                group_priority_minimum=100,
                version_priority=100,
                service=ServiceReferenceArgs(name=_NAME, namespace=_NAMESPACE, port=443),
                ca_bundle=args.ca.apply(lambda pem: base64.b64encode(pem.encode()).decode()),
            ),
            opts=options,
        )


def _deployment_spec(topology: Topology, kubelet_authorities: Output[str]) -> apps.DeploymentSpecArgs:
    """Return the spec of the Deployment. `kubelet_authorities` is a PEM with the trusted CAs of kubelets."""
    replicas = system_replicas(topology)
    annotations = _restart_annotations(topology, kubelet_authorities)
    return apps.DeploymentSpecArgs(
        replicas=replicas,
        strategy=rolling_update(),
        selector=LabelSelectorArgs(match_labels=_LABELS),
        template=core.PodTemplateSpecArgs(
            metadata=ObjectMetaArgs(labels=_LABELS, annotations=annotations),
            spec=core.PodSpecArgs(
                service_account_name=_NAME,
                priority_class_name="system-cluster-critical",
                tolerations=system_tolerations(),
                topology_spread_constraints=spread_constraints(_LABELS, replicas=replicas, required=True),
                security_context=restricted_pod_context(_USER, fs_group=_USER),
                containers=[_container_args(topology)],
                volumes=[core.VolumeArgs(name="tls", secret=core.SecretVolumeSourceArgs(secret_name=_NAME))],
            ),
        ),
    )


def _restart_annotations(topology: Topology, kubelet_authorities: Output[str]) -> dict[str, Input[str]]:
    """Return annotations that restart metrics-server before the CA of its certificate or of kubelets is
    removed, and after a restore of the objects of another cluster, whose kubelets have another CA.

    A running metrics-server notices another CA of kubelets only after minutes.
    """
    annotations: dict[str, Input[str]] = {**trust_annotations(topology)}
    if annotations:
        signing = topology.certificates.rotation("kubernetes").signing
        annotations["kubewright.dev/signed-by"] = str(signing)
    digest = Output.unsecret(kubelet_authorities.apply(text_digest))
    annotations["kubewright.dev/kubelet-ca-digest"] = digest
    return annotations


def _container_args(topology: Topology) -> core.ContainerArgs:
    version = topology.versions.metrics_server
    return core.ContainerArgs(
        name=_NAME,
        image=pinned_image(topology, f"registry.k8s.io/metrics-server/metrics-server:v{version}"),
        args=[
            f"--secure-port={_PORT}",
            f"--tls-cert-file={_TLS_DIRECTORY}/tls.crt",
            f"--tls-private-key-file={_TLS_DIRECTORY}/tls.key",
            f"--kubelet-certificate-authority={_TLS_DIRECTORY}/{_KUBELET_CA}",
            "--kubelet-preferred-address-types=InternalIP",
            "--kubelet-use-node-status-port",
            "--metric-resolution=15s",
        ],
        ports=[core.ContainerPortArgs(name="https", container_port=_PORT)],
        resources=core.ResourceRequirementsArgs(
            requests={"cpu": "100m", "memory": "100Mi"}, limits={"memory": "400Mi"}
        ),
        security_context=restricted_context(),
        readiness_probe=http_probe("/readyz", "https", period=2, scheme="HTTPS"),
        liveness_probe=http_probe("/livez", "https", period=10, scheme="HTTPS", delay=20),
        volume_mounts=[core.VolumeMountArgs(name="tls", mount_path=_TLS_DIRECTORY, read_only=True)],
    )
