"""external-dns, which publishes names of services and Ingress objects in DNS zones [H1].

The program works without a leader election, so there is one pod, and an update ends the old pod first. The
pod reads only services and Ingress objects: services of types other than LoadBalancer would need permissions
for pods and nodes.

Options: https://kubernetes-sigs.github.io/external-dns/latest/docs/flags/
"""

from __future__ import annotations

from dataclasses import dataclass

import pulumi_kubernetes.apps.v1 as apps
import pulumi_kubernetes.core.v1 as core
import pulumi_kubernetes.networking.v1 as networking
from pulumi import ComponentResource, Input, Output, Resource, ResourceOptions
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs, ObjectMetaArgs

from artifacts.catalogue import images_of
from components.addons.default_accounts import create_default_account
from components.addons.digests import text_digest
from components.addons.workload import (
    await_annotations,
    http_probe,
    pod_security_labels,
    restricted_context,
    restricted_pod_context,
    system_tolerations,
    trust_annotations,
)
from components.api import Api
from components.rbac import Rule, account_with_cluster_role
from topology.external_dns import NAMESPACE, ExternalDns, NameSource
from topology.images import pinned_image
from topology.model import Topology

NAME = "external-dns"
LABELS = {"app.kubernetes.io/name": NAME}
RULES = {
    NameSource.SERVICE: Rule("", ("services",), ("list", "watch")),
    NameSource.INGRESS: Rule("networking.k8s.io", ("ingresses",), ("list", "watch")),
}
"""The permissions that each source needs."""
OWNER_PREFIX = "%{record_type}-owner."
"""The beginning of the names of TXT records. It is a separate label, so that a record of the zone's own name
has its TXT record in the zone too.
"""
_TTL_SECONDS = 300
"""The time for which resolvers keep a record without the annotation `ttl`."""
_HEALTH_PORT = 7979
_USER = 65532
_DIRECTORY = "/etc/external-dns"
_SECRET_FILE = "tsig"


@dataclass(frozen=True, kw_only=True)
class ExternalDnsArgs:
    """Arguments of `ExternalDnsAddOn`. `secret` is the secret of the TSIG key in Base64."""

    api: Api
    topology: Topology
    external_dns: ExternalDns
    secret: Input[str]


class ExternalDnsAddOn(ComponentResource):
    """external-dns with its namespace and permissions."""

    def __init__(self, name: str, args: ExternalDnsArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("kubewright:index:ExternalDns", name, None, opts)
        self._name, self._args = name, args
        namespace = core.Namespace(
            f"{name}-namespace",
            metadata=ObjectMetaArgs(name=NAMESPACE, labels=pod_security_labels("restricted")),
            opts=args.api.options(self),
        )
        self._options = args.api.options(self, depends_on=[namespace])
        before = [*self._create_permissions(), self._create_network_policy(), self._create_secret()]
        self._create_deployment(args.api.options(self, depends_on=[*before, *args.api.publication]))
        self.register_outputs({})

    def _metadata(self) -> ObjectMetaArgs:
        return ObjectMetaArgs(name=NAME, namespace=NAMESPACE)

    def _create_permissions(self) -> list[Resource]:
        rules = [RULES[source] for source in self._args.external_dns.sources]
        create_default_account(f"{self._name}-default-account", NAMESPACE, self._options)
        return account_with_cluster_role(
            self._name, NAME, NAMESPACE, f"kubewright:{NAME}", rules, self._options
        )

    def _create_network_policy(self) -> Resource:
        """Close all ports of the pod. Nodes can always connect to their own pods."""
        return networking.NetworkPolicy(
            f"{self._name}-policy",
            metadata=self._metadata(),
            spec=networking.NetworkPolicySpecArgs(
                pod_selector=LabelSelectorArgs(match_labels=LABELS), policy_types=["Ingress"], ingress=[]
            ),
            opts=self._options,
        )

    def _create_secret(self) -> Resource:
        """Create the file with the option that has the secret of the TSIG key."""
        option = Output.format("--rfc2136-tsig-secret={0}", Output.secret(self._args.secret))
        return core.Secret(
            f"{self._name}-key",
            metadata=self._metadata(),
            string_data={_SECRET_FILE: option},
            opts=self._options,
        )

    def _create_deployment(self, opts: ResourceOptions) -> apps.Deployment:
        topology = self._args.topology
        return apps.Deployment(
            f"{self._name}-pods",
            metadata=ObjectMetaArgs(
                name=NAME, namespace=NAMESPACE, labels=LABELS, annotations=await_annotations(topology)
            ),
            spec=apps.DeploymentSpecArgs(
                replicas=1,
                strategy=apps.DeploymentStrategyArgs(type="Recreate"),
                selector=LabelSelectorArgs(match_labels=LABELS),
                template=core.PodTemplateSpecArgs(
                    metadata=ObjectMetaArgs(labels=LABELS, annotations=self._restart_annotations()),
                    spec=core.PodSpecArgs(
                        service_account_name=NAME,
                        priority_class_name="system-cluster-critical",
                        tolerations=system_tolerations(),
                        security_context=restricted_pod_context(_USER, fs_group=_USER),
                        containers=[self._container()],
                        volumes=[
                            core.VolumeArgs(
                                name="key",
                                secret=core.SecretVolumeSourceArgs(secret_name=NAME, default_mode=0o440),
                            )
                        ],
                    ),
                ),
            ),
            opts=opts,
        )

    def _restart_annotations(self) -> dict[str, Input[str]]:
        """Return annotations that restart the pod when the secret changes, which the pod reads only when it
        starts.
        """
        digest: Output[str] = Output.secret(self._args.secret).apply(text_digest)
        return {**trust_annotations(self._args.topology), "kubewright.dev/key": digest}

    def _container(self) -> core.ContainerArgs:
        return core.ContainerArgs(
            name=NAME,
            image=pinned_image(self._args.topology, images_of(NAME)[0]),
            args=arguments(self._args.external_dns),
            resources=core.ResourceRequirementsArgs(
                requests={"cpu": "20m", "memory": "50Mi"}, limits={"memory": "200Mi"}
            ),
            security_context=restricted_context(),
            # The program answers probes as soon as it starts, also while the DNS server refuses its requests.
            readiness_probe=http_probe("/healthz", _HEALTH_PORT, period=5),
            liveness_probe=http_probe("/healthz", _HEALTH_PORT, period=10, delay=10),
            volume_mounts=[core.VolumeMountArgs(name="key", mount_path=_DIRECTORY, read_only=True)],
        )


def arguments(data: ExternalDns, *, directory: str = _DIRECTORY) -> list[str]:
    """Return the options of the program. `directory` has the file with the option of the secret."""
    server = data.rfc2136
    return [
        *(f"--source={source}" for source in data.sources),
        "--service-type-filter=LoadBalancer",
        "--provider=rfc2136",
        f"--rfc2136-host={server.address}",
        f"--rfc2136-port={server.port}",
        *(f"--rfc2136-zone={zone}" for zone in server.zones),
        f"--rfc2136-tsig-keyname={server.key_name}",
        f"--rfc2136-tsig-secret-alg={server.algorithm}",
        # The program adds the lines of the file to its options, and does not log this one.
        f"@{directory}/{_SECRET_FILE}",
        # Without transfers, the program does not see existing records, and changes none.
        "--rfc2136-axfr",
        *(f"--domain-filter={domain}" for domain in data.domains),
        f"--policy={data.policy}",
        "--registry=txt",
        f"--txt-owner-id={data.owner}",
        f"--txt-prefix={OWNER_PREFIX}",
        f"--min-ttl={_TTL_SECONDS}s",
        f"--interval={data.interval_seconds}s",
        "--events",
    ]
