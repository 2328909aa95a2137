"""Registers the add-on that monitors the cluster."""

from __future__ import annotations

from collections.abc import Sequence

from pulumi import Input, Resource
from pydantic import SecretStr

from assembly.monitoring import Credentials, receiver_credentials, store_credentials
from components.addons.grafana import GrafanaAddOn, GrafanaArgs
from components.addons.log_certificates import KeyPair
from components.addons.monitoring import MonitoringAddOn, MonitoringArgs
from components.cluster import Cluster
from components.scope import Scope
from package.storage_drivers import SecretAt
from settings import Settings
from topology.identities import PAYLOAD_SALT
from topology.model import Topology

_GRAFANA = ("addons", "monitoring", "grafana")


def create_monitoring(
    topology: Topology,
    cluster: Cluster,
    settings: Settings,
    secret_at: SecretAt,
    loki: KeyPair | None,
    issuers: Sequence[Resource],
    scope: Scope,
) -> None:
    """Create Prometheus, Alertmanager and Grafana if the cluster has them. `loki` is the certificate of
    Grafana for Loki, and `issuers` are the resources of cert-manager.
    """
    if topology.monitoring is None:
        return

    def contents(credentials: Credentials) -> dict[str, Input[str]]:
        return {name: secret_at(path, secret) for name, (path, secret) in credentials.items()}

    arguments = MonitoringArgs(
        api=cluster.api,
        topology=topology,
        monitoring=topology.monitoring,
        secrets=cluster.pki.secrets,
        store_credentials=contents(store_credentials(settings)),
        receiver_credentials=contents(receiver_credentials(settings)),
    )
    monitoring = MonitoringAddOn(scope.name("monitoring"), arguments, scope.options())
    _create_grafana(topology, cluster, settings, secret_at, loki, monitoring.namespace, issuers, scope)


def _create_grafana(
    topology: Topology,
    cluster: Cluster,
    settings: Settings,
    secret_at: SecretAt,
    loki: KeyPair | None,
    namespace: Resource,
    issuers: Sequence[Resource],
    scope: Scope,
) -> None:
    """Create Grafana in its namespace if the cluster has it."""
    section = settings.addons.monitoring.grafana if settings.addons.monitoring else None
    if section is None or topology.monitoring is None or topology.monitoring.grafana is None:
        return

    def optional(path: tuple[str, ...], secret: SecretStr | None) -> Input[str] | None:
        return None if secret is None else secret_at((*_GRAFANA, *path), secret)

    client_secret = section.oidc.client_secret if section.oidc else None
    arguments = GrafanaArgs(
        api=cluster.api,
        topology=topology,
        monitoring=topology.monitoring,
        grafana=topology.monitoring.grafana,
        secrets=cluster.pki.secrets,
        salt=cluster.pki.secrets[PAYLOAD_SALT],
        admin_password=optional(("admin_password",), section.admin_password),
        client_secret=optional(("oidc", "client_secret"), client_secret),
        loki=loki,
        values=section.values,
        after=[namespace],
        issuers=issuers,
    )
    GrafanaAddOn(scope.name("grafana"), arguments, scope.options())
