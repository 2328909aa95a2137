"""KEDA, which scales workloads by metrics and events [H2].

The objects are those of upstream's manifests (`config` of the module) with these differences: the
certificates belong to the PKI of the cluster, so that no program changes webhooks and APIServices; each
program has an account with few permissions; metrics are closed; the definitions have no descriptions, which
are three quarters of their size.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pulumi_kubernetes.admissionregistration.v1 as admission
import pulumi_kubernetes.core.v1 as core
import pulumi_kubernetes.networking.v1 as networking
from pulumi import ComponentResource, Output, Resource, ResourceOptions
from pulumi_kubernetes.apiregistration.v1 import APIService, APIServiceSpecArgs, ServiceReferenceArgs
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs, ObjectMetaArgs
from pulumi_kubernetes.rbac.v1 import Role

from components.addons.default_accounts import create_default_account
from components.addons.definitions import create_definitions
from components.addons.keda_permissions import (
    EDIT_RULES,
    EVENTING_GROUP,
    GROUP,
    METRICS_SERVER_RULES,
    OPERATOR_NAMESPACE_RULES,
    VIEW_RULES,
    WEBHOOK_RULES,
    operator_rules,
)
from components.addons.keda_pods import SERVICE_PORTS, create_pods, labels
from components.addons.workload import await_annotations, disruption_budget, pod_security_labels
from components.api import Api
from components.rbac import (
    account_with_cluster_role,
    aggregated_to,
    bind_cluster_role,
    bind_in_namespace,
    cluster_role,
    policy_rules,
    service_account_subject,
)
from topology.certificates import KUBERNETES_CA, trust_bundle
from topology.keda import METRICS_SERVER, NAMESPACE, OPERATOR, PROGRAMS, WEBHOOK, Keda
from topology.model import Topology

DEFINITIONS = Path(__file__).with_name("keda_crds.json")
_METRICS_GROUP = "external.metrics.k8s.io"
_CHECKED = {
    GROUP: ("scaledobject", "scaledjob", "triggerauthentication", "clustertriggerauthentication"),
    EVENTING_GROUP: ("cloudeventsource", "clustercloudeventsource"),
}
"""The kinds that the webhooks check, by their groups."""


@dataclass(frozen=True, kw_only=True)
class KedaArgs:
    """Arguments of KEDA.

    `ca` is the certificate of the CA of the cluster in PEM; `secrets` has the certificates and keys of the
    programs, and the trusted certificates of the CA.
    """

    api: Api
    topology: Topology
    keda: Keda
    ca: Output[str]
    secrets: Mapping[str, Output[str]]


class KedaAddOn(ComponentResource):
    """KEDA in its own namespace."""

    def __init__(self, name: str, args: KedaArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("kubewright:index:Keda", name, None, opts)
        self._name, self._args = name, args
        namespace = core.Namespace(
            f"{name}-namespace",
            metadata=ObjectMetaArgs(name=NAMESPACE, labels=pod_security_labels("restricted")),
            opts=args.api.options(self),
        )
        documents = json.loads(DEFINITIONS.read_text())
        definitions = list(create_definitions(name, documents, args.api.options(self)))
        self._options = args.api.options(self, depends_on=[namespace, *definitions])
        before = [*self._create_permissions(), *self._create_network_policies(), *self._create_certificates()]
        after = args.api.options(self, depends_on=[*definitions, *before, *args.api.publication])
        pods = {
            program: create_pods(f"{name}-{program}", program, args.topology, args.keda, after)
            for program in PROGRAMS
        }
        services = {program: self._create_service(program) for program in PROGRAMS}
        for program in PROGRAMS:
            disruption_budget(f"{name}-budget-{program}", program, NAMESPACE, labels(program), self._options)
        # An API without its server would slow down every discovery of the API.
        self._create_api_service([pods[METRICS_SERVER], services[METRICS_SERVER], pods[OPERATOR]])
        self._create_hooks([pods[WEBHOOK], services[WEBHOOK]])
        self.register_outputs({})

    def _create_permissions(self) -> list[Resource]:
        """Create service accounts and roles. Return those that the pods need to start."""
        name, options = self._name, self._options
        shown, changed = aggregated_to("view", "edit", "admin"), aggregated_to("edit", "admin")
        cluster_role(f"{name}-view", f"{NAMESPACE}:view", VIEW_RULES, options, labels=shown)
        cluster_role(f"{name}-edit", f"{NAMESPACE}:edit", EDIT_RULES, options, labels=changed)
        create_default_account(f"{name}-default-account", NAMESPACE, options)
        rules = {
            OPERATOR: operator_rules(self._args.keda),
            METRICS_SERVER: METRICS_SERVER_RULES,
            WEBHOOK: WEBHOOK_RULES,
        }
        return [
            resource
            for program, table in rules.items()
            for resource in account_with_cluster_role(
                f"{name}-{program}", program, NAMESPACE, f"{NAMESPACE}:{program}", table, options
            )
        ] + [*self._create_operator_role(), *self._create_delegation()]

    def _create_operator_role(self) -> list[Resource]:
        """Let the operator hold its lease, and read the Secrets of ClusterTriggerAuthentications."""
        subject = [service_account_subject(NAMESPACE, OPERATOR)]
        return [
            Role(
                f"{self._name}-operator-role",
                metadata=ObjectMetaArgs(name=OPERATOR, namespace=NAMESPACE),
                rules=policy_rules(OPERATOR_NAMESPACE_RULES),
                opts=self._options,
            ),
            bind_in_namespace(
                f"{self._name}-operator-role-binding",
                *(OPERATOR, NAMESPACE, ("Role", OPERATOR), subject, self._options),
            ),
        ]

    def _create_delegation(self) -> list[Resource]:
        """Let the server of metrics ask the API server who sends a request, and what the user may do."""
        subject = [service_account_subject(NAMESPACE, METRICS_SERVER)]
        reader = ("Role", "extension-apiserver-authentication-reader")
        return [
            bind_cluster_role(
                f"{self._name}-delegator",
                *(f"{METRICS_SERVER}:system:auth-delegator", "system:auth-delegator", subject, self._options),
            ),
            bind_in_namespace(
                f"{self._name}-reader",
                *(f"{METRICS_SERVER}-auth-reader", "kube-system", reader, subject, self._options),
            ),
        ]

    def _create_network_policies(self) -> list[Resource]:
        """Open one port of each program. API servers connect from the addresses of control planes; only the
        server of metrics connects to the operator.
        """
        peer = networking.NetworkPolicyPeerArgs(
            pod_selector=LabelSelectorArgs(match_labels=labels(METRICS_SERVER))
        )
        return [
            networking.NetworkPolicy(
                f"{self._name}-policy-{program}",
                metadata=ObjectMetaArgs(name=program, namespace=NAMESPACE),
                spec=networking.NetworkPolicySpecArgs(
                    pod_selector=LabelSelectorArgs(match_labels=labels(program)),
                    policy_types=["Ingress"],
                    ingress=[
                        networking.NetworkPolicyIngressRuleArgs(
                            ports=[networking.NetworkPolicyPortArgs(protocol="TCP", port=port)],
                            from_=[peer] if program == OPERATOR else None,
                        )
                    ],
                ),
                opts=self._options,
            )
            for program, (_, port) in SERVICE_PORTS.items()
        ]

    def _create_certificates(self) -> list[Resource]:
        secrets = self._args.secrets
        return [
            core.Secret(
                f"{self._name}-certificate-{program}",
                metadata=ObjectMetaArgs(name=program, namespace=NAMESPACE),
                type="kubernetes.io/tls",
                string_data={
                    "tls.crt": secrets[f"{program}.crt"],
                    "tls.key": secrets[f"{program}.key"],
                    "ca.crt": secrets[f"{trust_bundle(KUBERNETES_CA)}.crt"],
                },
                opts=self._options,
            )
            for program in PROGRAMS
        ]

    def _create_service(self, program: str) -> core.Service:
        port = core.ServicePortArgs(name="service", port=SERVICE_PORTS[program][0], target_port="service")
        return core.Service(
            f"{self._name}-service-{program}",
            metadata=ObjectMetaArgs(
                name=program,
                namespace=NAMESPACE,
                labels=labels(program),
                annotations={"pulumi.com/skipAwait": "true"},
            ),
            spec=core.ServiceSpecArgs(selector=labels(program), ports=[port]),
            opts=self._options,
        )

    def _create_api_service(self, after: Sequence[Resource]) -> None:
        APIService(
            f"{self._name}-api",
            metadata=ObjectMetaArgs(
                name=f"v1beta1.{_METRICS_GROUP}", annotations=await_annotations(self._args.topology)
            ),
            spec=APIServiceSpecArgs(
                group=_METRICS_GROUP,
                version="v1beta1",
                group_priority_minimum=100,
                version_priority=100,
                service=ServiceReferenceArgs(name=METRICS_SERVER, namespace=NAMESPACE, port=443),
                ca_bundle=self._ca_bundle,
            ),
            opts=self._args.api.options(self, depends_on=list(after)),
        )

    def _create_hooks(self, after: Sequence[Resource]) -> None:
        """Let the webhooks check objects of KEDA. As upstream, objects pass while no webhook answers."""
        admission.ValidatingWebhookConfiguration(
            f"{self._name}-validation",
            metadata=ObjectMetaArgs(name="keda-admission"),
            webhooks=[self._hook(group, kind) for group, kinds in _CHECKED.items() for kind in kinds],
            opts=self._args.api.options(self, depends_on=list(after)),
        )

    def _hook(self, group: str, kind: str) -> admission.ValidatingWebhookArgs:
        path = f"/validate-{group.replace('.', '-')}-v1alpha1-{kind}"
        return admission.ValidatingWebhookArgs(
            name=f"v{kind}.{group}",
            client_config=admission.WebhookClientConfigArgs(
                service=admission.ServiceReferenceArgs(name=WEBHOOK, namespace=NAMESPACE, path=path),
                ca_bundle=self._ca_bundle,
            ),
            rules=[
                admission.RuleWithOperationsArgs(
                    api_groups=[group],
                    api_versions=["v1alpha1"],
                    resources=[f"{kind}s"],
                    operations=["CREATE", "UPDATE"],
                )
            ],
            admission_review_versions=["v1"],
            match_policy="Equivalent",
            failure_policy="Ignore",
            side_effects="None",
            timeout_seconds=10,
        )

    @property
    def _ca_bundle(self) -> Output[str]:
        return self._args.ca.apply(lambda pem: base64.b64encode(pem.encode()).decode())
