"""cert-manager, which issues and renews certificates of workloads [H4].

The objects are those of upstream's chart with these differences: the certificate of the webhook belongs to
the PKI of the cluster, so that cainjector is not needed; metrics are closed; the lease is in the namespace of
the add-on; the definitions have no descriptions, which are three quarters of their size.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pulumi_kubernetes.admissionregistration.v1 as admission
import pulumi_kubernetes.core.v1 as core
import pulumi_kubernetes.networking.v1 as networking
from pulumi import ComponentResource, Output, Resource, ResourceOptions
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs, ObjectMetaArgs
from pulumi_kubernetes.rbac.v1 import Role

from components.addons.cert_manager_issuers import (
    IssuerSecrets,
    create_default_certificate,
    create_issuer,
)
from components.addons.cert_manager_permissions import (
    ACME_GROUP,
    CONTROLLER_RULES,
    EDIT_RULES,
    GROUP,
    LEASE_RULES,
    VIEW_RULES,
    WEBHOOK_RULES,
)
from components.addons.cert_manager_pods import (
    CONTROLLER,
    WEBHOOK_PORT,
    create_controller,
    create_webhook,
    labels,
)
from components.addons.default_accounts import create_default_account
from components.addons.definitions import create_definitions
from components.addons.workload import disruption_budget, pod_security_labels
from components.api import Api
from components.rbac import (
    Rule,
    account_with_cluster_role,
    aggregated_to,
    bind_in_namespace,
    cluster_role,
    policy_rules,
    service_account_subject,
)
from topology.cert_manager import NAMESPACE, WEBHOOK, CertManager
from topology.model import Topology

_DEFINITIONS = Path(__file__).with_name("cert_manager_crds.json")
_HOOK = "webhook.cert-manager.io"
_TIMEOUT_SECONDS = 30
"""The time limit of the webhook in upstream's chart."""
_WebhookArgs = TypeVar("_WebhookArgs", admission.MutatingWebhookArgs, admission.ValidatingWebhookArgs)


@dataclass(frozen=True, kw_only=True)
class CertManagerArgs:
    """Arguments of cert-manager.

    `ca` is the certificate of the CA of the cluster in PEM; `secrets` has the certificate and key of the
    webhook. `issuer_secrets` has the secrets of issuers. `ingress_namespace` is the namespace of the ingress
    with a default certificate by an issuer; empty without such a certificate.
    """

    api: Api
    topology: Topology
    cert_manager: CertManager
    ca: Output[str]
    secrets: Mapping[str, Output[str]]
    issuer_secrets: IssuerSecrets
    ingress_namespace: Sequence[Resource] = ()


class CertManagerAddOn(ComponentResource):
    """cert-manager with its ClusterIssuers, in its own namespace."""

    def __init__(self, name: str, args: CertManagerArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("kubewright:index:CertManager", name, None, opts)
        self._name, self._args = name, args
        namespace = core.Namespace(
            f"{name}-namespace",
            metadata=ObjectMetaArgs(name=NAMESPACE, labels=pod_security_labels("restricted")),
            opts=args.api.options(self),
        )
        documents = json.loads(_DEFINITIONS.read_text())
        definitions = list(create_definitions(name, documents, args.api.options(self)))
        self._options = args.api.options(self, depends_on=[namespace, *definitions])
        before = [*self._create_permissions(), *self._create_network_policies(), self._create_certificate()]
        pods = args.api.options(self, depends_on=[*definitions, *before, *args.api.publication])
        create_controller(f"{name}-controller", args.topology, pods)
        webhook = create_webhook(f"{name}-webhook", args.topology, pods)
        service = self._create_service()
        for component in (CONTROLLER, WEBHOOK):
            disruption_budget(
                f"{name}-budget-{component}", component, NAMESPACE, labels(component), self._options
            )
        issued = self._create_issuers()
        # The API server calls the webhook as soon as its configuration exists, perhaps before all nodes know
        # the addresses of its pods. The objects of the add-on are therefore created before.
        self._create_hooks(args.api.options(self, depends_on=[webhook, service, *issued]))
        self.register_outputs({})

    def _create_permissions(self) -> list[Resource]:
        """Create service accounts and roles. Return those that the pods need to start."""
        cluster_role(
            f"{self._name}-view",
            f"{NAMESPACE}:view",
            VIEW_RULES,
            self._options,
            labels=aggregated_to("view", "edit", "admin"),
        )
        cluster_role(
            f"{self._name}-edit",
            f"{NAMESPACE}:edit",
            EDIT_RULES,
            self._options,
            labels=aggregated_to("edit", "admin"),
        )
        create_default_account(f"{self._name}-default-account", NAMESPACE, self._options)
        metadata = ObjectMetaArgs(name=CONTROLLER, namespace=NAMESPACE)
        subject = [service_account_subject(NAMESPACE, CONTROLLER)]
        return [
            *self._create_account(CONTROLLER, CONTROLLER_RULES),
            *self._create_account(WEBHOOK, WEBHOOK_RULES),
            Role(
                f"{self._name}-lease",
                metadata=metadata,
                rules=policy_rules(LEASE_RULES),
                opts=self._options,
            ),
            bind_in_namespace(
                f"{self._name}-lease-binding",
                CONTROLLER,
                NAMESPACE,
                ("Role", CONTROLLER),
                subject,
                self._options,
            ),
        ]

    def _create_account(self, account: str, rules: Sequence[Rule]) -> list[Resource]:
        name, role = f"{self._name}-{account}", f"{NAMESPACE}:{account}"
        return account_with_cluster_role(name, account, NAMESPACE, role, rules, self._options)

    def _create_network_policies(self) -> list[Resource]:
        """Close all ports of the pods except the port of the webhook. Nodes can always connect to their own
        pods, and API servers connect from the addresses of control planes.
        """
        port = networking.NetworkPolicyPortArgs(protocol="TCP", port=WEBHOOK_PORT)
        rules: dict[str, list[networking.NetworkPolicyIngressRuleArgs]] = {
            CONTROLLER: [],
            WEBHOOK: [networking.NetworkPolicyIngressRuleArgs(ports=[port])],
        }
        return [
            networking.NetworkPolicy(
                f"{self._name}-policy-{component}",
                metadata=ObjectMetaArgs(name=component, namespace=NAMESPACE),
                spec=networking.NetworkPolicySpecArgs(
                    pod_selector=LabelSelectorArgs(match_labels=labels(component)),
                    policy_types=["Ingress"],
                    ingress=ingress,
                ),
                opts=self._options,
            )
            for component, ingress in rules.items()
        ]

    def _create_certificate(self) -> Resource:
        secrets = self._args.secrets
        return core.Secret(
            f"{self._name}-webhook-certificate",
            metadata=ObjectMetaArgs(name=WEBHOOK, namespace=NAMESPACE),
            type="kubernetes.io/tls",
            string_data={"tls.crt": secrets[f"{WEBHOOK}.crt"], "tls.key": secrets[f"{WEBHOOK}.key"]},
            opts=self._options,
        )

    def _create_service(self) -> core.Service:
        return core.Service(
            f"{self._name}-webhook-service",
            metadata=ObjectMetaArgs(
                name=WEBHOOK,
                namespace=NAMESPACE,
                labels=labels(WEBHOOK),
                annotations={"pulumi.com/skipAwait": "true"},
            ),
            spec=core.ServiceSpecArgs(
                selector=labels(WEBHOOK),
                ports=[core.ServicePortArgs(name="https", port=443, target_port="https")],
            ),
            opts=self._options,
        )

    def _create_issuers(self) -> list[Resource]:
        """Create the issuers, and the default certificate of the ingress if an issuer signs it."""
        args = self._args
        issuers = [
            create_issuer(self._name, issuer, args.issuer_secrets, self._options)
            for issuer in args.cert_manager.issuers
        ]
        ingress = args.topology.ingress
        if ingress is None or not ingress.issuer:
            return [*issuers]
        after = [*issuers, *args.ingress_namespace]
        return [
            *issuers,
            *create_default_certificate(self._name, ingress, self._options, after=after),
        ]

    def _create_hooks(self, options: ResourceOptions) -> None:
        """Let the webhook check objects of cert-manager, and record who requests a certificate."""
        admission.MutatingWebhookConfiguration(
            f"{self._name}-mutation",
            metadata=ObjectMetaArgs(name=WEBHOOK),
            webhooks=[
                self._webhook(
                    admission.MutatingWebhookArgs,
                    "/mutate",
                    _operations([GROUP], ["certificaterequests"], ["CREATE"]),
                )
            ],
            opts=options,
        )
        admission.ValidatingWebhookConfiguration(
            f"{self._name}-validation",
            metadata=ObjectMetaArgs(name=WEBHOOK),
            webhooks=[
                self._webhook(
                    admission.ValidatingWebhookArgs,
                    "/validate",
                    _operations([GROUP, ACME_GROUP], ["*/*"], ["CREATE", "UPDATE"]),
                )
            ],
            opts=options,
        )

    def _webhook(
        self, kind: type[_WebhookArgs], path: str, operations: admission.RuleWithOperationsArgs
    ) -> _WebhookArgs:
        """Return the arguments of a webhook that the API server calls at `path` for `operations`."""
        return kind(
            name=_HOOK,
            client_config=admission.WebhookClientConfigArgs(
                service=admission.ServiceReferenceArgs(name=WEBHOOK, namespace=NAMESPACE, path=path),
                ca_bundle=self._args.ca.apply(lambda pem: base64.b64encode(pem.encode()).decode()),
            ),
            rules=[operations],
            admission_review_versions=["v1"],
            match_policy="Equivalent",
            failure_policy="Fail",
            side_effects="None",
            timeout_seconds=_TIMEOUT_SECONDS,
        )


def _operations(
    groups: Sequence[str], resources: Sequence[str], operations: Sequence[str]
) -> admission.RuleWithOperationsArgs:
    return admission.RuleWithOperationsArgs(
        api_groups=list(groups), api_versions=["v1"], resources=list(resources), operations=list(operations)
    )
