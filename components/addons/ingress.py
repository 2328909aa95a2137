"""Traefik, which serves Ingress objects and routes on the nodes of a pool or behind a load balancer [H4].

The pods use ports above 1024 and the pod network, so that they need no capability, and so that the network
policies of other namespaces can select them. On the nodes of a pool they have host ports 80 and 443.

Traefik's options: https://doc.traefik.io/traefik/reference/install-configuration/configuration-options/
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi_kubernetes.core.v1 as core
import pulumi_kubernetes.networking.v1 as networking
from pulumi import ComponentResource, Input, Output, Resource, ResourceOptions
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs, ObjectMetaArgs

from components.addons.digests import text_digest
from components.addons.ingress_gateway import CONTROLLER_RULES, create_gateway_api
from components.addons.ingress_pods import (
    CONFIG,
    LABELS,
    NAME,
    TLS,
    WEB,
    WEBSECURE,
    create_deployment,
)
from components.addons.workload import disruption_budget, pod_security_labels
from components.api import Api
from components.rbac import READ, Rule, account_with_cluster_role
from components.tolerate_failure import tolerate_failure
from topology.ingress import GIVEN_CERTIFICATE, HTTP_PORT, HTTPS_PORT, NAMESPACE, Ingress
from topology.model import Topology

# The rules of upstream for Ingress objects, without those for its custom resources:
# docs/content/reference/dynamic-configuration/kubernetes-crd-rbac.yml of Traefik.
_RULES = (
    Rule("", ("services", "secrets", "nodes"), READ),
    Rule("discovery.k8s.io", ("endpointslices",), ("list", "watch")),
    Rule("networking.k8s.io", ("ingresses", "ingressclasses"), READ),
    Rule("networking.k8s.io", ("ingresses/status",), ("update",)),
)
_CERTIFICATE_FILE = f"""\
tls:
  stores:
    default:
      defaultCertificate:
        certFile: {TLS}/tls.crt
        keyFile: {TLS}/tls.key
"""


@dataclass(frozen=True, kw_only=True)
class IngressArgs:
    """Arguments of `IngressController`.

    `private_key` is the key of the default certificate; None without a default certificate. The pods wait
    for `nodes`, except for failed nodes.
    """

    api: Api
    topology: Topology
    ingress: Ingress
    private_key: Input[str] | None = None
    nodes: Sequence[Resource] = ()


class IngressController(ComponentResource):
    """Traefik with its namespace, permissions and IngressClass."""

    namespace: core.Namespace

    def __init__(self, name: str, args: IngressArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("kubewright:index:IngressController", name, None, opts)
        self._name, self._args = name, args
        self.namespace = self._create_namespace()
        self._options = args.api.options(self, depends_on=[self.namespace])
        before = [*self._create_permissions(), *self._create_certificate(), self._create_network_policy()]
        if args.ingress.gateway_api:
            before += create_gateway_api(name, args.ingress, args.api, self, namespace=self.namespace)
        self._create_class()
        if not args.ingress.pool:
            before.append(self._create_service())
        nodes = map(tolerate_failure, args.nodes)
        after = args.api.options(self, depends_on=[*before, *args.api.publication, *nodes])
        create_deployment(name, args.topology, args.ingress, self._restart_annotations(), after)
        disruption_budget(f"{name}-budget", NAME, NAMESPACE, LABELS, self._options)
        self.register_outputs({"class": NAME})

    def _metadata(self, labels: Mapping[str, str] | None = None) -> ObjectMetaArgs:
        return ObjectMetaArgs(name=NAME, namespace=NAMESPACE, labels=labels)

    def _create_namespace(self) -> core.Namespace:
        """Create the namespace. Pod Security allows host ports only at its level `privileged`."""
        level = "privileged" if self._args.ingress.pool else "restricted"
        return core.Namespace(
            f"{self._name}-namespace",
            metadata=ObjectMetaArgs(name=NAMESPACE, labels=pod_security_labels(level)),
            opts=self._args.api.options(self),
        )

    def _create_permissions(self) -> list[Resource]:
        rules = (*_RULES, *CONTROLLER_RULES) if self._args.ingress.gateway_api else _RULES
        return account_with_cluster_role(
            self._name, NAME, NAMESPACE, f"kubewright:{NAME}", rules, self._options
        )

    def _create_certificate(self) -> list[Resource]:
        """Create the default certificate and the file that names it. Return [] without a certificate."""
        if self._args.private_key is None:
            return []
        secret = core.Secret(
            f"{self._name}-certificate",
            metadata=ObjectMetaArgs(name=GIVEN_CERTIFICATE, namespace=NAMESPACE),
            type="kubernetes.io/tls",
            string_data={
                "tls.crt": self._args.ingress.certificate,
                "tls.key": Output.secret(self._args.private_key),
            },
            opts=self._options,
        )
        config = core.ConfigMap(
            f"{self._name}-config",
            metadata=self._metadata(),
            data={CONFIG: _CERTIFICATE_FILE},
            opts=self._options,
        )
        return [secret, config]

    def _restart_annotations(self) -> dict[str, str] | None:
        """Return annotations that restart pods, one at a time, for another default certificate."""
        certificate = self._args.ingress.certificate
        if not certificate:
            return None
        return {"kubewright.dev/certificate": text_digest(certificate)}

    def _create_network_policy(self) -> Resource:
        """Close all ports of the pods except the ports for clients. Nodes can always connect to their own
        pods.
        """
        ports = [networking.NetworkPolicyPortArgs(protocol="TCP", port=port) for port in (WEB, WEBSECURE)]
        return networking.NetworkPolicy(
            f"{self._name}-policy",
            metadata=self._metadata(),
            spec=networking.NetworkPolicySpecArgs(
                pod_selector=LabelSelectorArgs(match_labels=LABELS),
                policy_types=["Ingress"],
                ingress=[networking.NetworkPolicyIngressRuleArgs(ports=ports)],
            ),
            opts=self._options,
        )

    def _create_class(self) -> None:
        default = {"ingressclass.kubernetes.io/is-default-class": "true"}
        networking.IngressClass(
            f"{self._name}-class",
            metadata=ObjectMetaArgs(
                name=NAME, annotations=default if self._args.ingress.default_class else None
            ),
            spec=networking.IngressClassSpecArgs(controller="traefik.io/ingress-controller"),
            opts=self._options,
        )

    def _create_service(self) -> core.Service:
        """Create the service. It preserves the addresses of clients. A terminating pod still gets the packets
        of its node until the load balancer uses another node.
        """
        ports = (("web", HTTP_PORT), ("websecure", HTTPS_PORT))
        # The pods start after the Service, and the engine would wait for them here.
        annotations = {"pulumi.com/skipAwait": "true", **dict(self._args.ingress.annotations)}
        return core.Service(
            f"{self._name}-service",
            metadata=ObjectMetaArgs(name=NAME, namespace=NAMESPACE, labels=LABELS, annotations=annotations),
            spec=core.ServiceSpecArgs(
                type="LoadBalancer",
                external_traffic_policy="Local",
                load_balancer_source_ranges=[str(network) for network in self._args.ingress.sources],
                selector=LABELS,
                ports=[
                    core.ServicePortArgs(name=port, port=number, target_port=port) for port, number in ports
                ],
            ),
            opts=self._options,
        )
