"""CoreDNS: the DNS of the cluster, at the address that kubelets give to pods [H1]."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi_kubernetes.apps.v1 as apps
import pulumi_kubernetes.core.v1 as core
from pulumi import ComponentResource, Resource, ResourceOptions
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs, ObjectMetaArgs

from components.addons.corefile import corefile
from components.addons.digests import text_digest
from components.addons.workload import (
    await_annotations,
    disruption_budget,
    http_probe,
    restricted_context,
    restricted_pod_context,
    rolling_update,
    spread_constraints,
    system_tolerations,
    trust_annotations,
)
from components.api import Api
from components.rbac import Rule, bind_cluster_role, cluster_role, service_account_subject
from components.tolerate_failure import tolerate_failure
from topology.dns import replicas_for
from topology.images import pinned_image
from topology.model import Topology

_NAMESPACE = "kube-system"
_NAME = "coredns"
# Other software finds the cluster DNS by this label.
_LABELS = {"k8s-app": "kube-dns"}
_RULES = (
    Rule("", ("endpoints", "services", "pods", "namespaces"), ("list", "watch")),
    Rule("discovery.k8s.io", ("endpointslices",), ("list", "watch")),
)
_CONFIG_DIRECTORY = "/etc/coredns"
_USER = 65532


@dataclass(frozen=True, kw_only=True)
class CoreDnsArgs:
    """Arguments of CoreDNS.

    The Deployment waits for `nodes`, except for failed nodes. Otherwise all replicas would start on the
    first node and stay there.
    """

    api: Api
    topology: Topology
    nodes: Sequence[Resource] = ()


class CoreDns(ComponentResource):
    """CoreDNS, with as many replicas as the size of the cluster requires, on different nodes."""

    def __init__(self, name: str, args: CoreDnsArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("kubewright:index:CoreDns", name, None, opts)
        options = args.api.options(self)
        config_text = corefile(args.topology)
        metadata = ObjectMetaArgs(name=_NAME, namespace=_NAMESPACE)
        account = core.ServiceAccount(f"{name}-account", metadata=metadata, opts=options)
        cluster_role(f"{name}-role", "system:coredns", _RULES, options)
        subject = service_account_subject(_NAMESPACE, _NAME)
        binding = bind_cluster_role(f"{name}-binding", "system:coredns", "system:coredns", [subject], options)
        config = core.ConfigMap(
            f"{name}-config", metadata=metadata, data={"Corefile": config_text}, opts=options
        )
        # The Service is created first, so that no other service takes its fixed address.
        service = self._create_service(f"{name}-service", args)
        apps.Deployment(
            f"{name}-deployment",
            metadata=ObjectMetaArgs(
                name=_NAME,
                namespace=_NAMESPACE,
                labels=_LABELS,
                annotations=await_annotations(args.topology),
            ),
            spec=_deployment_spec(args.topology, config_text),
            opts=args.api.options(
                self,
                depends_on=[
                    *(account, binding, config, service, *args.api.publication),
                    *map(tolerate_failure, args.nodes),
                ],
            ),
        )
        disruption_budget(f"{name}-budget", _NAME, _NAMESPACE, _LABELS, options)
        self.register_outputs({"address": str(args.topology.network.dns_service)})

    def _create_service(self, name: str, args: CoreDnsArgs) -> core.Service:
        return core.Service(
            name,
            metadata=ObjectMetaArgs(
                name="kube-dns",
                namespace=_NAMESPACE,
                labels=_LABELS,
                # The pods start after the Service. Waiting for the pods here would be a deadlock.
                annotations={"pulumi.com/skipAwait": "true"},
            ),
            spec=core.ServiceSpecArgs(
                selector=_LABELS,
                cluster_ip=str(args.topology.network.dns_service),
                ports=[
                    core.ServicePortArgs(name="dns", port=53, protocol="UDP", target_port="dns"),
                    core.ServicePortArgs(name="dns-tcp", port=53, protocol="TCP", target_port="dns-tcp"),
                    core.ServicePortArgs(name="metrics", port=9153, protocol="TCP", target_port="metrics"),
                ],
            ),
            opts=args.api.options(self),
        )


def _count_nodes(topology: Topology) -> int:
    """Return the number of nodes. A pool in a cloud counts with its maximum size, which an autoscaler can
    reach without a run of this program.
    """
    return sum(pool.capacity.max_size if pool.capacity else len(pool.nodes) for pool in topology.pools)


def _count_cores(topology: Topology) -> int:
    """Return the number of cores in the inventory of nodes. Machines of a pool in a cloud are not in it."""
    nodes = {node.name for pool in topology.pools for node in pool.nodes}
    return sum(machine.size.cpus for machine in topology.machines if machine.size and machine.name in nodes)


def _deployment_spec(topology: Topology, config: str) -> apps.DeploymentSpecArgs:
    replicas = topology.dns.replicas or replicas_for(_count_nodes(topology), _count_cores(topology))
    highly_available = len(topology.control_planes) > 1
    return apps.DeploymentSpecArgs(
        replicas=replicas,
        strategy=rolling_update(),
        selector=LabelSelectorArgs(match_labels=_LABELS),
        template=core.PodTemplateSpecArgs(
            metadata=ObjectMetaArgs(
                labels=_LABELS,
                # A changed Corefile starts a rollout, so the update waits for its result.
                annotations={
                    "kubewright.dev/config": text_digest(config),
                    **trust_annotations(topology),
                },
            ),
            spec=core.PodSpecArgs(
                service_account_name=_NAME,
                priority_class_name="system-cluster-critical",
                dns_policy="Default",
                tolerations=system_tolerations(),
                topology_spread_constraints=spread_constraints(
                    _LABELS, replicas=replicas, required=highly_available
                ),
                security_context=restricted_pod_context(
                    _USER,
                    sysctls=[core.SysctlArgs(name="net.ipv4.ip_unprivileged_port_start", value="0")],
                ),
                containers=[_container_args(topology)],
                volumes=[
                    core.VolumeArgs(name="config", config_map=core.ConfigMapVolumeSourceArgs(name=_NAME))
                ],
            ),
        ),
    )


def _container_args(topology: Topology) -> core.ContainerArgs:
    return core.ContainerArgs(
        name=_NAME,
        image=pinned_image(topology, f"registry.k8s.io/coredns/coredns:v{topology.versions.coredns}"),
        args=["-conf", f"{_CONFIG_DIRECTORY}/Corefile"],
        ports=[
            core.ContainerPortArgs(name="dns", container_port=53, protocol="UDP"),
            core.ContainerPortArgs(name="dns-tcp", container_port=53, protocol="TCP"),
            core.ContainerPortArgs(name="metrics", container_port=9153, protocol="TCP"),
        ],
        resources=core.ResourceRequirementsArgs(
            requests={"cpu": "100m", "memory": "70Mi"}, limits={"memory": "170Mi"}
        ),
        # The binary has this capability as a file capability and does not start without the capability.
        security_context=restricted_context(add=["NET_BIND_SERVICE"]),
        readiness_probe=http_probe("/ready", 8181, period=2),
        liveness_probe=http_probe("/health", 8080, period=10, failures=5, delay=30),
        volume_mounts=[core.VolumeMountArgs(name="config", mount_path=_CONFIG_DIRECTORY, read_only=True)],
    )
