"""Registers the add-ons that collect logs and events."""

from __future__ import annotations

from assembly import alertmanager_password, log_passwords
from components.addons.log_certificates import KeyPair
from components.addons.logs import LogsAddOn, LogsArgs
from components.cluster import Cluster
from components.scope import Scope
from package.storage_drivers import SecretAt
from settings import Settings
from topology.identities import PAYLOAD_SALT
from topology.model import Topology


def create_logs(
    topology: Topology, cluster: Cluster, settings: Settings, secret_at: SecretAt, scope: Scope
) -> KeyPair | None:
    """Create the add-ons if the cluster has them. Return the certificate of Grafana for Loki; None
    without it.
    """
    if topology.logs is None:
        return None
    alertmanager = alertmanager_password(settings)
    arguments = LogsArgs(
        api=cluster.api,
        topology=topology,
        logs=topology.logs,
        salt=cluster.pki.secrets[PAYLOAD_SALT],
        passwords={name: secret_at(*item) for name, item in log_passwords(settings).items()},
        alertmanager_password=secret_at(*alertmanager) if alertmanager else None,
    )
    return LogsAddOn(scope.name("logs"), arguments, scope.options()).grafana
