"""Grafana with dashboards about the cluster, by its community's chart [H4].

Grafana has a certificate of its own for Prometheus and Alertmanager, and one of the authority of Loki. The
chart gets no secrets, because Helm stores values of charts in its records.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi_kubernetes.core.v1 as core
import yaml
from pulumi import ComponentResource, Input, Output, Resource, ResourceOptions
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs

from components.addons.chart_release import Values, create_release
from components.addons.digests import content_digest
from components.addons.grafana_dashboards import dashboard_files
from components.addons.grafana_values import (
    CLIENT_KEY,
    CREDENTIALS,
    DASHBOARDS,
    DATA_SOURCES,
    FILE,
    ISSUER_CA,
    LOKI_TLS,
    PASSWORD_KEY,
    PROVIDERS,
    TLS,
    USER_KEY,
    dashboard_providers,
    data_sources,
    grafana_labels,
    grafana_values,
)
from components.addons.log_certificates import KeyPair
from components.addons.web_access import create_web_access, create_web_policy
from components.api import Api
from settings.values_files import merge_values
from topology.certificates import KUBERNETES_CA, trust_bundle
from topology.grafana import PORT, Grafana
from topology.model import Topology
from topology.monitoring import GRAFANA, NAMESPACE, Monitoring

_ADMINISTRATOR = "admin"


@dataclass(frozen=True, kw_only=True)
class GrafanaArgs:
    """Arguments of `GrafanaAddOn`.

    `secrets` has the certificates and keys of the table, `salt` is a secret of the cluster for digests.
    `loki` is the certificate for Loki, None without logs. `values` are further values of the chart. `after`
    has the namespace, `issuers` the resources of cert-manager.
    """

    api: Api
    topology: Topology
    monitoring: Monitoring
    grafana: Grafana
    secrets: Mapping[str, Output[str]]
    salt: Input[str]
    admin_password: Input[str] | None = None
    client_secret: Input[str] | None = None
    loki: KeyPair | None = None
    values: Values = field(default_factory=dict)
    after: Sequence[Resource] = ()
    issuers: Sequence[Resource] = ()


class GrafanaAddOn(ComponentResource):
    """Grafana with its logins, certificates, data sources and dashboards."""

    def __init__(self, name: str, args: GrafanaArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("kubewright:index:Grafana", name, None, opts)
        self._name, self._args = name, args
        self._options = args.api.options(self, depends_on=args.after)
        self._credentials, self._certificate = _credentials(args), _certificate(args.secrets)
        self._files = _files(args)
        web, ports = args.grafana.web, [PORT] if args.grafana.web else []
        labels = grafana_labels()
        before = [
            create_web_policy(f"{name}-policy", GRAFANA, NAMESPACE, labels, ports, self._options),
            *self._create_secrets(),
            *self._create_files(),
        ]
        create_release(
            name,
            args.grafana.chart,
            GRAFANA,
            NAMESPACE,
            self._values(),
            args.topology,
            args.api.options(self, depends_on=[*before, *args.after]),
        )
        if web is not None:
            opts = args.api.options(self, depends_on=[*args.after, *args.issuers])
            create_web_access(f"{name}-ingress", web, GRAFANA, NAMESPACE, opts)
        self.register_outputs({})

    def _create_secrets(self) -> list[Resource]:
        contents: dict[str, Mapping[str, Input[str]]] = {
            CREDENTIALS: self._credentials,
            TLS: self._certificate,
        }
        if self._args.loki is not None:
            contents[LOKI_TLS] = self._args.loki.files
        return [
            core.Secret(
                f"{self._name}-{secret.removeprefix('grafana-')}",
                metadata=ObjectMetaArgs(name=secret, namespace=NAMESPACE),
                string_data=data,
                opts=self._options,
            )
            for secret, data in contents.items()
        ]

    def _create_files(self) -> list[Resource]:
        return [
            core.ConfigMap(
                f"{self._name}-{config_map.removeprefix('grafana-')}",
                metadata=ObjectMetaArgs(name=config_map, namespace=NAMESPACE),
                data=data,
                opts=self._options,
            )
            for config_map, data in self._files.items()
        ]

    def _values(self) -> Values:
        """Return the values of the chart, with annotations that restart the pod for files that Grafana reads
        only when it starts. Grafana reads changed dashboards itself.
        """
        args = self._args
        files = [text for name, data in self._files.items() if name != DASHBOARDS for text in data.values()]
        texts = [*self._credentials.values(), *self._certificate.values()]
        texts += [*args.loki.files.values()] if args.loki else []
        annotations = {
            "kubewright.dev/config": content_digest("", *files),
            "kubewright.dev/secrets": content_digest(args.salt, *texts),
        }
        own = grafana_values(args.topology, args.monitoring, args.grafana)
        merged: Values = merge_values({**own, "podAnnotations": annotations}, args.values)
        return merged


def _credentials(args: GrafanaArgs) -> dict[str, Input[str]]:
    """Return the texts of the Secret with logins."""
    found: dict[str, Input[str]] = {}
    if args.admin_password is not None:
        found |= {USER_KEY: _ADMINISTRATOR, PASSWORD_KEY: Output.secret(args.admin_password)}
    if args.client_secret is not None:
        found[CLIENT_KEY] = Output.secret(args.client_secret)
    return found


def _certificate(secrets: Mapping[str, Output[str]]) -> dict[str, Input[str]]:
    """Return the texts of the Secret with the certificate for Prometheus and Alertmanager."""
    return {
        "tls.crt": secrets[f"{GRAFANA}.crt"],
        "tls.key": secrets[f"{GRAFANA}.key"],
        f"{KUBERNETES_CA}.crt": secrets[f"{trust_bundle(KUBERNETES_CA)}.crt"],
    }


def _files(args: GrafanaArgs) -> dict[str, dict[str, str]]:
    """Return the files of ConfigMaps, by the names of the ConfigMaps."""
    files = {
        DATA_SOURCES: {FILE: _text(data_sources(args.monitoring, args.grafana))},
        PROVIDERS: {FILE: _text(dashboard_providers())},
        DASHBOARDS: dashboard_files(),
    }
    if args.grafana.login and args.grafana.login.ca:
        files[ISSUER_CA] = {"ca.crt": args.grafana.login.ca}
    return files


def _text(document: Values) -> str:
    return yaml.safe_dump(dict(document), sort_keys=False)
