"""Logs and events of the cluster, which the OpenTelemetry Collector sends to Loki or receivers of the user
[H4].
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

import pulumi_kubernetes.apps.v1 as apps
import pulumi_kubernetes.core.v1 as core
import pulumi_kubernetes.networking.v1 as networking
from pulumi import ComponentResource, Input, Output, Resource, ResourceOptions
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs, ObjectMetaArgs

from components.addons.collector_config import events_configuration, shipper_configuration
from components.addons.collector_pods import EVENTS, EVENTS_BUFFER, PASSWORDS, events_pod, shipper_pod
from components.addons.collector_sources import SHIPPER, Config
from components.addons.default_accounts import create_default_account
from components.addons.digests import content_digest
from components.addons.log_certificates import GRAFANA, READER, KeyPair, create_key_pairs
from components.addons.loki import NAME_LABEL, LokiArgs, create_loki
from components.addons.workload import await_annotations, pod_security_labels
from components.api import Api
from components.rbac import Rule, account_with_cluster_role
from topology.logs import LOKI, NAMESPACE, Logs, LokiServer
from topology.model import Topology

EVENT_RULES = (Rule("events.k8s.io", ("events",), ("get", "list", "watch")),)
"""The permissions of the pod that archives events. The shipper has none."""
_MAX_UNAVAILABLE = "10%"


def basic_credentials(username: str, password: str) -> str:
    """Return the credentials of HTTP basic authentication (RFC 7617)."""
    return base64.b64encode(f"{username}:{password}".encode()).decode()


@dataclass(frozen=True, kw_only=True)
class LogsArgs:
    """Arguments of `LogsAddOn`. `passwords` are those of receivers by name; `alertmanager_password` is that
    of Alertmanager. `salt` is a secret of the cluster for digests of passwords.
    """

    api: Api
    topology: Topology
    logs: Logs
    salt: Input[str]
    passwords: Mapping[str, Input[str]] = field(default_factory=dict)
    alertmanager_password: Input[str] | None = None


class LogsAddOn(ComponentResource):
    """The shipper on each node, Loki, and the pod that archives events.

    `grafana` is the certificate for Grafana, None if Grafana does not read Loki.
    """

    grafana: KeyPair | None

    def __init__(self, name: str, args: LogsArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("kubewright:index:Logs", name, None, opts)
        self._name, self._args = name, args
        namespace = core.Namespace(
            f"{name}-namespace",
            # The shipper mounts directories of its node.
            metadata=ObjectMetaArgs(name=NAMESPACE, labels=pod_security_labels("privileged")),
            opts=args.api.options(self),
        )
        self._options = args.api.options(self, depends_on=[namespace])
        create_default_account(f"{name}-default-account", NAMESPACE, self._options)
        before = [self._create_network_policy(), *self._create_receivers()]
        key_pairs = self._create_certificates()
        self.grafana = key_pairs.get(GRAFANA)
        if args.logs.loki is not None:
            loki = LokiArgs(
                topology=args.topology,
                logs=args.logs,
                store=args.logs.loki,
                certificate=key_pairs[LOKI],
                salt=args.salt,
                password=args.alertmanager_password,
                grafana=self.grafana is not None,
            )
            create_loki(f"{name}-{LOKI}", loki, args.api.options(self, depends_on=[namespace]))
        self._create_shipper(before, key_pairs.get(SHIPPER))
        if args.logs.events is not None:
            self._create_events(before, key_pairs.get(EVENTS))
        self.register_outputs({})

    def _create_network_policy(self) -> Resource:
        """Close all ports of the namespace. Another policy opens that of Loki."""
        return networking.NetworkPolicy(
            f"{self._name}-policy",
            metadata=ObjectMetaArgs(name="closed", namespace=NAMESPACE),
            spec=networking.NetworkPolicySpecArgs(
                pod_selector=LabelSelectorArgs(), policy_types=["Ingress"], ingress=[]
            ),
            opts=self._options,
        )

    def _create_receivers(self) -> list[Resource]:
        """Create the Secret with the passwords of receivers, and the ConfigMap with their authorities."""
        passwords = self._credentials()
        authorities = {f"{item.name}.crt": item.ca for item in self._args.logs.destinations if item.ca}
        metadata = ObjectMetaArgs(name=PASSWORDS, namespace=NAMESPACE)
        created: list[Resource] = []
        if passwords:
            name = f"{self._name}-passwords"
            created.append(core.Secret(name, metadata=metadata, string_data=passwords, opts=self._options))
        if authorities:
            name = f"{self._name}-authorities"
            created.append(core.ConfigMap(name, metadata=metadata, data=authorities, opts=self._options))
        return created

    def _credentials(self) -> dict[str, Output[str]]:
        """Return the content of the files of receivers: the password, or for Loki the header of the login."""
        credentials: dict[str, Output[str]] = {}
        for item in self._args.logs.destinations:
            if item.server.username:
                password = Output.secret(self._args.passwords[item.name])
                is_loki = isinstance(item.server, LokiServer)
                header = partial(basic_credentials, item.server.username)
                credentials[item.name] = password.apply(header) if is_loki else password
        return credentials

    def _create_certificates(self) -> dict[str, KeyPair]:
        """Create the certificates of Loki and its clients, and the Secret of those who read entries."""
        if self._args.logs.loki is None:
            return {}
        certificates = f"{self._name}-certificates"
        monitoring = self._args.topology.monitoring
        has_grafana = monitoring is not None and monitoring.grafana is not None and monitoring.grafana.logs
        key_pairs = create_key_pairs(
            certificates, self._args.topology, grafana=has_grafana, opts=ResourceOptions(parent=self)
        )
        self._create_certificate(READER, key_pairs[READER])
        return key_pairs

    def _create_certificate(self, name: str, key_pair: KeyPair) -> Resource:
        return core.Secret(
            f"{self._name}-{name}-certificate",
            metadata=ObjectMetaArgs(name=name, namespace=NAMESPACE),
            type="kubernetes.io/tls",
            string_data=key_pair.files,
            opts=self._options,
        )

    def _create_files(self, name: str, config: Config, key_pair: KeyPair | None) -> list[Resource]:
        """Create the configuration and the certificate of a collector."""
        configuration = core.ConfigMap(
            f"{self._name}-{name}-config",
            metadata=ObjectMetaArgs(name=name, namespace=NAMESPACE),
            data={"config.json": json.dumps(config, indent=2)},
            opts=self._options,
        )
        return [configuration, *([self._create_certificate(name, key_pair)] if key_pair else [])]

    def _template_metadata(self, name: str, config: Config) -> ObjectMetaArgs:
        """Return the metadata of pods, which restart with another configuration or password."""
        passwords = [text for _, text in sorted(self._args.passwords.items())]
        authorities = [item.ca for item in self._args.logs.destinations]
        digest = content_digest(self._args.salt, json.dumps(config), *authorities, *passwords)
        return ObjectMetaArgs(labels={NAME_LABEL: name}, annotations={"kubewright.dev/config": digest})

    def _metadata(self, name: str) -> ObjectMetaArgs:
        return ObjectMetaArgs(
            name=name,
            namespace=NAMESPACE,
            labels={NAME_LABEL: name},
            annotations=await_annotations(self._args.topology),
        )

    def _create_shipper(self, before: list[Resource], key_pair: KeyPair | None) -> None:
        args, config = self._args, shipper_configuration(self._args.logs)
        account = core.ServiceAccount(
            f"{self._name}-shipper-account",
            metadata=ObjectMetaArgs(name=SHIPPER, namespace=NAMESPACE),
            automount_service_account_token=False,
            opts=self._options,
        )
        files = self._create_files(SHIPPER, config, key_pair)
        pod = shipper_pod(args.topology, args.logs)
        pod.service_account_name = SHIPPER
        apps.DaemonSet(
            f"{self._name}-shipper",
            metadata=self._metadata(SHIPPER),
            spec=apps.DaemonSetSpecArgs(
                selector=LabelSelectorArgs(match_labels={NAME_LABEL: SHIPPER}),
                update_strategy=apps.DaemonSetUpdateStrategyArgs(
                    type="RollingUpdate",
                    rolling_update=apps.RollingUpdateDaemonSetArgs(max_unavailable=_MAX_UNAVAILABLE),
                ),
                template=core.PodTemplateSpecArgs(
                    metadata=self._template_metadata(SHIPPER, config), spec=pod
                ),
            ),
            opts=args.api.options(self, depends_on=[account, *before, *files, *args.api.publication]),
        )

    def _create_events(self, before: list[Resource], key_pair: KeyPair | None) -> None:
        args, config = self._args, events_configuration(self._args.logs, EVENTS_BUFFER)
        role = f"kubewright:{NAMESPACE}-{EVENTS}"
        permissions = account_with_cluster_role(
            f"{self._name}-events", EVENTS, NAMESPACE, role, EVENT_RULES, self._options
        )
        files = self._create_files(EVENTS, config, key_pair)
        apps.Deployment(
            f"{self._name}-events-pods",
            metadata=self._metadata(EVENTS),
            spec=apps.DeploymentSpecArgs(
                replicas=1,
                # Two pods would archive each event twice.
                strategy=apps.DeploymentStrategyArgs(type="Recreate"),
                selector=LabelSelectorArgs(match_labels={NAME_LABEL: EVENTS}),
                template=core.PodTemplateSpecArgs(
                    metadata=self._template_metadata(EVENTS, config),
                    spec=events_pod(args.topology, args.logs),
                ),
            ),
            opts=args.api.options(self, depends_on=[*permissions, *before, *files, *args.api.publication]),
        )
