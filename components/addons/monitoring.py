"""Prometheus, Alertmanager and kube-state-metrics, which monitor the cluster [H4].

All their ports have TLS with certificates of the CA `kubernetes`. Only Prometheus can connect to Alertmanager
and to kube-state-metrics. The configurations contain no secrets: they name files, which Secrets contain.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi_kubernetes.core.v1 as core
import pulumi_kubernetes.rbac.v1 as rbac
import yaml
from pulumi import ComponentResource, Input, Output, Resource, ResourceOptions
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs

from components.addons.default_accounts import create_default_account
from components.addons.monitoring_alerts import (
    alertmanager_configuration,
    gossip_configuration,
)
from components.addons.monitoring_pods import (
    ALERTMANAGER_PORT,
    GOSSIP_PORT,
    PROMETHEUS_PORT,
    create_alertmanager,
    create_prometheus,
    labels,
)
from components.addons.monitoring_policies import create_policy
from components.addons.monitoring_rules import rule_files
from components.addons.monitoring_state_metrics import PORT as STATE_METRICS_PORT
from components.addons.monitoring_state_metrics import create_permissions, create_state_metrics
from components.addons.monitoring_targets import PORT_NAME, authority_file, prometheus_configuration
from components.addons.monitoring_web import client_checking_configuration, server_configuration
from components.addons.workload import disruption_budget, pod_security_labels
from components.api import Api
from components.rbac import (
    READ,
    Rule,
    account_with_cluster_role,
    bind_in_namespace,
    policy_rules,
    service_account_subject,
)
from topology.certificates import KUBELET_SERVING_CA, KUBERNETES_CA, trust_bundle
from topology.model import Topology
from topology.monitoring import ALERTMANAGER, GRAFANA, NAMESPACE, PROMETHEUS, STATE_METRICS, Monitoring

CLUSTER_RULES = (
    Rule("", ("nodes",), READ),
    Rule("", ("nodes/metrics",), ("get",)),
    Rule("", (), ("get",), urls=("/metrics",)),
)
"""The permissions of Prometheus in the whole cluster."""
_POD_RULE = Rule("", ("pods",), READ)


@dataclass(frozen=True, kw_only=True)
class MonitoringArgs:
    """Arguments of `MonitoringAddOn`.

    `secrets` has the certificates and keys of the table. `store_credentials` and `receiver_credentials` are
    the contents of the files with the credentials of `remote_write` and of receivers, by the names of files.
    """

    api: Api
    topology: Topology
    monitoring: Monitoring
    secrets: Mapping[str, Output[str]]
    store_credentials: Mapping[str, Input[str]]
    receiver_credentials: Mapping[str, Input[str]]


class MonitoringAddOn(ComponentResource):
    """Prometheus, Alertmanager and kube-state-metrics with their namespace and permissions."""

    namespace: core.Namespace

    def __init__(self, name: str, args: MonitoringArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("kubewright:index:Monitoring", name, None, opts)
        self._name, self._args = name, args
        self._ports = {PROMETHEUS: PROMETHEUS_PORT, ALERTMANAGER: ALERTMANAGER_PORT}
        if args.monitoring.state_metrics:
            self._ports[STATE_METRICS] = STATE_METRICS_PORT
        self.namespace = core.Namespace(
            f"{name}-namespace",
            metadata=ObjectMetaArgs(name=NAMESPACE, labels=pod_security_labels("restricted")),
            opts=args.api.options(self),
        )
        self._options = args.api.options(self, depends_on=[self.namespace])
        create_default_account(f"{name}-default-account", NAMESPACE, self._options)
        before = [
            *self._create_permissions(),
            *(self._create_policy(component) for component in self._ports),
            *(self._create_certificate(component) for component in self._ports),
            *(self._create_service(component) for component in self._ports),
        ]
        self._create_alertmanager(before)
        self._create_prometheus(before)
        if args.monitoring.state_metrics:
            self._create_state_metrics(before)
        self.register_outputs({})

    def _metadata(self, name: str) -> ObjectMetaArgs:
        return ObjectMetaArgs(name=name, namespace=NAMESPACE)

    def _pod_options(self, before: list[Resource]) -> ResourceOptions:
        return self._args.api.options(self, depends_on=[*before, *self._args.api.publication])

    def _create_permissions(self) -> list[Resource]:
        """Create the service account of Prometheus, which reads metrics and finds nodes and pods."""
        rules = [*CLUSTER_RULES, *([_POD_RULE] if self._args.monitoring.pods else [])]
        account = account_with_cluster_role(
            self._name, PROMETHEUS, NAMESPACE, f"kubewright:{PROMETHEUS}", rules, self._options
        )
        role = rbac.Role(
            f"{self._name}-pods-role",
            metadata=self._metadata(PROMETHEUS),
            rules=policy_rules([_POD_RULE]),
            opts=self._options,
        )
        subject = [service_account_subject(NAMESPACE, PROMETHEUS)]
        binding = bind_in_namespace(
            f"{self._name}-pods-binding", PROMETHEUS, NAMESPACE, ("Role", PROMETHEUS), subject, self._options
        )
        return [*account, role, binding]

    def _other_clients(self, component: str) -> list[str]:
        """Return the clients of a component beside Prometheus."""
        return [GRAFANA] if component == ALERTMANAGER and self._args.monitoring.grafana else []

    def _create_policy(self, component: str) -> Resource:
        return create_policy(
            f"{self._name}-{component}-policy",
            component,
            self._args.topology,
            [self._ports[component], *([GOSSIP_PORT] if component == ALERTMANAGER else [])],
            self._other_clients(component),
            self._options,
        )

    def _create_certificate(self, component: str) -> Resource:
        secrets = self._args.secrets
        data = {
            "tls.crt": secrets[f"{component}.crt"],
            "tls.key": secrets[f"{component}.key"],
            f"{KUBERNETES_CA}.crt": secrets[f"{trust_bundle(KUBERNETES_CA)}.crt"],
        }
        if component == PROMETHEUS:
            data[f"{KUBELET_SERVING_CA}.crt"] = secrets[f"{trust_bundle(KUBELET_SERVING_CA)}.crt"]
        return core.Secret(
            f"{self._name}-{component}-tls",
            metadata=self._metadata(f"{component}-tls"),
            string_data=data,
            opts=self._options,
        )

    def _create_service(self, component: str) -> Resource:
        """Create the service of a component, and for Alertmanager the names of its pods."""
        if component == ALERTMANAGER:
            core.Service(
                f"{self._name}-{component}-names",
                metadata=ObjectMetaArgs(
                    name=f"{component}-pods",
                    namespace=NAMESPACE,
                    annotations={"pulumi.com/skipAwait": "true"},
                ),
                spec=core.ServiceSpecArgs(
                    cluster_ip="None",
                    publish_not_ready_addresses=True,
                    selector=labels(component),
                    ports=[core.ServicePortArgs(name="gossip", port=GOSSIP_PORT)],
                ),
                opts=self._options,
            )
        port = self._ports[component]
        return core.Service(
            f"{self._name}-{component}-service",
            metadata=ObjectMetaArgs(
                name=component, namespace=NAMESPACE, annotations={"pulumi.com/skipAwait": "true"}
            ),
            spec=core.ServiceSpecArgs(
                selector=labels(component),
                ports=[core.ServicePortArgs(name=PORT_NAME, port=port, target_port=PORT_NAME)],
            ),
            opts=self._options,
        )

    def _create_config(self, name: str, files: Mapping[str, str]) -> Resource:
        return core.ConfigMap(
            f"{self._name}-{name}-config",
            metadata=self._metadata(name),
            data=dict(files),
            opts=self._options,
        )

    def _create_credentials(self, component: str, contents: Mapping[str, Input[str]]) -> list[Resource]:
        """Create the Secret with the credentials of a component; none without credentials."""
        if not contents:
            return []
        secret = core.Secret(
            f"{self._name}-{component}-credentials",
            metadata=self._metadata(f"{component}-credentials"),
            string_data={key: Output.secret(value) for key, value in contents.items()},
            opts=self._options,
        )
        return [secret]

    def _create_prometheus(self, before: list[Resource]) -> None:
        data, contents = self._args.monitoring, self._args.store_credentials
        authorities = {authority_file(store): store.ca for store in data.remote_write if store.ca}
        config = prometheus_configuration(self._args.topology, data)
        files = {"prometheus.yaml": _text(config), "web.yaml": _text(server_configuration(PROMETHEUS))}
        needed = [
            *before,
            self._create_config(PROMETHEUS, files | authorities),
            self._create_config(f"{PROMETHEUS}-rules", rule_files(data)),
            *self._create_credentials(PROMETHEUS, contents),
        ]
        create_prometheus(
            f"{self._name}-{PROMETHEUS}-pods",
            self._args.topology,
            data,
            has_credentials=bool(contents),
            opts=self._pod_options(needed),
        )
        self._create_budget(PROMETHEUS, data.replicas)

    def _create_alertmanager(self, before: list[Resource]) -> None:
        data, contents = self._args.monitoring, self._args.receiver_credentials
        files = {
            "alertmanager.yaml": _text(alertmanager_configuration(data)),
            "web.yaml": _text(
                client_checking_configuration(ALERTMANAGER, *self._other_clients(ALERTMANAGER))
            ),
            "gossip.yaml": _text(gossip_configuration()),
        }
        needed = [
            *before,
            self._create_config(ALERTMANAGER, files),
            *self._create_credentials(ALERTMANAGER, contents),
        ]
        create_alertmanager(
            f"{self._name}-{ALERTMANAGER}-pods",
            self._args.topology,
            data,
            files=files,
            certificate=self._args.secrets[f"{ALERTMANAGER}.crt"],
            has_credentials=bool(contents),
            opts=self._pod_options(needed),
        )
        self._create_budget(ALERTMANAGER, data.alertmanagers)

    def _create_budget(self, component: str, replicas: int) -> None:
        if replicas > 1:
            name = f"{self._name}-{component}-budget"
            disruption_budget(name, component, NAMESPACE, labels(component), self._options)

    def _create_state_metrics(self, before: list[Resource]) -> None:
        name = f"{self._name}-{STATE_METRICS}"
        files = {"web.yaml": _text(client_checking_configuration(STATE_METRICS))}
        needed = [
            *before,
            self._create_config(STATE_METRICS, files),
            *create_permissions(name, self._options),
        ]
        create_state_metrics(f"{name}-pods", self._args.topology, self._pod_options(needed))


def _text(document: Mapping[str, object]) -> str:
    return yaml.safe_dump(dict(document), sort_keys=False)
